"""`srkit bench`: models side by side on photos, with costs, times, and how sure each difference is."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from srkit.cli.saying import say, say_document
from srkit.cli.trusting import trust_option, user_trust
from srkit.errors import UserError
from srkit.registry import Registry

if TYPE_CHECKING:
    from srkit.evaluation.bench.entries import Comparison

FORMATS = ("table", "markdown", "csv", "json", "latex")
WIDEST = 160


@click.command("bench")
@click.argument("models", nargs=-1, required=True, metavar="MODEL...")
@click.option("--on", "folders", multiple=True, metavar="HR[=LR]", help="A folder of photos, with one of LR pictures.")
@click.option("--suite", type=click.Path(path_type=Path), help="A TOML file that names sets with their protocol.")
@click.option("--scale", type=click.IntRange(1, 16), help="By default each model's own.")
@click.option("--downscaler", metavar="NAME", help="Makes LR pictures; by default what the models were trained with.")
@click.option("--degradation", "degradations", multiple=True, metavar="NAME", help="After it; repeatable, in order.")
@click.option("--seed", type=click.IntRange(0), default=0, show_default=True, help="Degradations are drawn from it.")
@click.option("--metric", "metrics", multiple=True, metavar="NAME", help="Repeatable; by default psnr-y and ssim-y.")
@click.option(
    "--against",
    metavar="MODEL",
    help="What differences are from; by default the first model, of a study bicubic.",
)
@click.option("--repeat", type=click.IntRange(1), default=1, metavar="N", help="Apply models N times: x2 gives x4.")
@click.option("--checkpoints", is_flag=True, help="Judge all checkpoints of a run, also while it trains.")
@click.option("--per-image", is_flag=True, help="Scores of each photo too, the worst first.")
@click.option("--format", "form", type=click.Choice(FORMATS), default="table", show_default=True, help="What to print.")
@click.option("--with-paths", is_flag=True, help="Folders of this machine in markdown, csv, json and latex too.")
@click.option("--workers", type=click.IntRange(1), help="Photos at a time; by default one a CPU, up to 8.")
@click.option("--device", help="cpu, cuda, cuda:1 or mps; by default the best there is.")
@trust_option
def bench_command(
    models: tuple[str, ...],
    folders: tuple[str, ...],
    suite: Path | None,
    scale: int | None,
    downscaler: str | None,
    degradations: tuple[str, ...],
    seed: int,
    metrics: tuple[str, ...],
    against: str | None,
    repeat: int,
    checkpoints: bool,
    per_image: bool,
    form: str,
    with_paths: bool,
    workers: int | None,
    device: str | None,
    trust: bool,
) -> None:
    """Judge models side by side on photos.

    \b
    Examples:
      srkit bench runs/espcn bicubic --on photos
      srkit bench runs/espcn --checkpoints --format markdown
    """
    from srkit.cli.bench_answer import Question, answer

    asked = Question(
        models=models,
        folders=folders,
        suite=suite,
        scale=scale,
        downscaler=downscaler,
        degradations=degradations,
        seed=seed,
        metrics=metrics,
        against=against,
        repeat=repeat,
        checkpoints=checkpoints,
        workers=workers,
        device=device,
    )
    given = answer(asked, Registry.installed(user_trust(trust)))
    comparisons = shareable(given.comparisons, form, with_paths=with_paths)
    _show(comparisons, form, per_image=per_image, device=given.machine, facts=given.facts)
    if metrics:
        _refuse_left_out(given.comparisons)


def _refuse_left_out(comparisons: Sequence[Comparison]) -> None:
    """Raise where a metric that was asked for is in no table; the table with the others was shown already."""
    from srkit.evaluation.bench.notes import few

    lines = []
    for one in comparisons:
        entry = one.entries[0]
        for name, left_out in entry.left_out.items():
            where = f"{entry.row.set}, x{entry.row.scale}: {few(len(left_out.images))} too small"
            lines += [f"--metric {name}: {where} ({left_out.why}):", *(f"  {image}" for image in left_out.images)]
    if lines:
        raise UserError(*lines, "Leave these images out of the set, or the metric; the others are in the table.")


def shareable(comparisons: Sequence[Comparison], form: str, *, with_paths: bool) -> Sequence[Comparison]:
    """The tables without folders of this machine, but for those in its own terminal."""
    from srkit.evaluation.bench.notes import without_folders

    return comparisons if with_paths or form == "table" else list(map(without_folders, comparisons))


def _show(
    comparisons: Sequence[Comparison], form: str, *, per_image: bool, device: str, facts: Mapping[str, Any]
) -> None:
    from srkit.evaluation.bench import formats

    if form == "json":
        say_document(formats.as_json(comparisons, facts), nl=False)
    elif form == "csv":
        say_document(formats.as_csv(comparisons, per_image), nl=False)
    elif form == "markdown":
        say_document(formats.as_markdown(comparisons, device, per_image), nl=False)
    elif form == "latex":
        say_document(formats.as_latex(comparisons, device, per_image), nl=False)
    else:
        _print_tables(comparisons, device, per_image)


def _print_tables(comparisons: Sequence[Comparison], device: str, per_image: bool) -> None:
    from srkit.cli.console import results
    from srkit.evaluation.bench.table import comparison_table
    from srkit.evaluation.bench.worst import per_image_tables, worst_note

    console = results(WIDEST)
    for number, one in enumerate(comparisons):
        if number:
            say()
        console.rows(comparison_table(one, min(console.width, WIDEST), device))
        if per_image:
            say()
            for table in per_image_tables(one):
                console.rows(table)
            say(worst_note(one))
