"""`srkit bench`: models side by side on photos, with costs, times, and how sure each difference is."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from srkit.errors import OptionError, UserError
from srkit.registry import KINDS, Registry

if TYPE_CHECKING:
    from srkit.cli.bench_models import Field
    from srkit.contracts import Metric
    from srkit.evaluation.bench.entries import Comparison
    from srkit.evaluation.bench.gallery import Progress
    from srkit.evaluation.bench.judge import Judge
    from srkit.evaluation.bench.sets import PhotoSet
    from srkit.experiment import Pick

DEFAULT_METRICS = ("psnr-y", "ssim-y")
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
@click.option("--against", metavar="MODEL", help="What differences are from; by default the first model.")
@click.option("--repeat", type=click.IntRange(1), default=1, metavar="N", help="Apply models N times: x2 gives x4.")
@click.option("--checkpoints", is_flag=True, help="Judge all checkpoints of a run, also while it trains.")
@click.option("--per-image", is_flag=True, help="Scores of each photo too, the worst first.")
@click.option("--format", "form", type=click.Choice(FORMATS), default="table", show_default=True, help="What to print.")
@click.option("--workers", type=click.IntRange(1), help="Photos at a time; by default one a CPU, up to 8.")
@click.option("--device", help="cpu, cuda, cuda:1 or mps; by default the best there is.")
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
    workers: int | None,
    device: str | None,
) -> None:
    """Judge models side by side on photos.

    \b
    Examples:
      srkit bench runs/espcn bicubic --on photos
      srkit bench runs/espcn --checkpoints --format markdown
    """
    from srkit.cli.bench_models import gather, target_scales
    from srkit.cli.bench_sets import Request, photo_sets
    from srkit.training.device import choose_device, describe, prepare

    registry = Registry.installed()
    where = choose_device(device)
    # the same scores from the same models, on an accelerator too
    prepare(where, deterministic=True)
    field = gather(models, registry, checkpoints=checkpoints, against=against, repeat=repeat)
    scales = target_scales(field, scale)
    asked = Request(folders, suite, downscaler, degradations, seed, field.trained())
    machine = describe(where)
    with _progress() as progress:
        judge = _judge(metrics or DEFAULT_METRICS, registry, where, workers, progress)
        try:
            comparisons = [
                _compared(field, one, judge, None if checkpoints else machine)
                for one in photo_sets(asked, scales, registry)
            ]
        except KeyboardInterrupt:
            click.echo("what was judged so far is kept; the same command goes on from there", err=True)
            raise
    if judge.cache.trouble:
        click.echo(f"warning: results could not be kept ({judge.cache.trouble})", err=True)
    if not comparisons:
        raise UserError("nothing was judged: no set is for a scale that a model has")
    facts = {"device": machine, "seed": seed, "torch": _torch_version()}
    _show(comparisons, form, per_image=per_image, device=machine, facts=facts)


def _judge(names: Sequence[str], registry: Registry, device: Any, workers: int | None, progress: Progress) -> Judge:
    from srkit.evaluation.bench.cache import ScoreCache, cache_folder
    from srkit.evaluation.bench.judge import Judge
    from srkit.evaluation.bench.workers import default_workers
    from srkit.evaluation.judging import described
    from srkit.experiment.single import pick_one, table_of

    picks: dict[str, Pick] = {}
    for text in names:
        table = table_of(text, "--metric")
        pick = pick_one(KINDS["metrics"], table, registry, shown_as="--metric", folder=Path.cwd())
        picks[described(pick) if len(table) > 1 else pick.component.name] = pick
    _built(picks)  # what cannot be had is said before any photo is looked at
    versions = {name: f"{described(one)} {one.component.use} {one.component.version}" for name, one in picks.items()}
    cache = ScoreCache(cache_folder() / "bench")
    return Judge(partial(_built, picks), versions, device, workers or default_workers(device), cache, progress)


def _built(picks: Mapping[str, Pick]) -> dict[str, Metric]:
    from srkit.assembly import SharedParts

    shared, built = SharedParts(), {}
    for name, pick in picks.items():
        try:
            built[name] = pick.build(shared=shared)
        except OptionError as error:
            raise UserError(f"--metric {name}: {error.why}") from None
    return built


def _compared(field: Field, photo_set: PhotoSet, judge: Judge, machine: str | None) -> Comparison:
    from srkit.evaluation.bench.benchmark import benchmark
    from srkit.evaluation.bench.entries import compare

    contestants = field.at(photo_set.scale)
    leave_out = _left_out if machine is None else None
    entries = benchmark(contestants, photo_set, judge, machine=machine, leave_out=leave_out)
    if not entries:
        raise UserError(f"set {photo_set.name}, x{photo_set.scale}: no model could be judged")
    names = [one.row.model for one in entries]
    return compare(entries, field.against if field.against in names else None)


def _left_out(sentence: str) -> None:
    click.echo(f"warning: {sentence}", err=True)


def _torch_version() -> str:
    import torch

    return str(torch.__version__)


def _show(
    comparisons: Sequence[Comparison], form: str, *, per_image: bool, device: str, facts: Mapping[str, Any]
) -> None:
    from srkit.evaluation.bench import formats

    if form == "json":
        click.echo(formats.as_json(comparisons, facts), nl=False)
    elif form == "csv":
        click.echo(formats.as_csv(comparisons, per_image), nl=False)
    elif form == "markdown":
        click.echo(formats.as_markdown(comparisons, device, per_image), nl=False)
    elif form == "latex":
        click.echo(formats.as_latex(comparisons, device, per_image), nl=False)
    else:
        _print_tables(comparisons, device, per_image)


def _print_tables(comparisons: Sequence[Comparison], device: str, per_image: bool) -> None:
    from srkit.cli.console import results
    from srkit.evaluation.bench.table import comparison_table
    from srkit.evaluation.bench.worst import per_image_tables, worst_note

    console = results(WIDEST)
    for number, one in enumerate(comparisons):
        if number:
            click.echo()
        console.rows(comparison_table(one, min(console.width, WIDEST), device))
        if per_image:
            click.echo()
            for table in per_image_tables(one):
                console.rows(table)
            click.echo(worst_note(one))


@contextmanager
def _progress() -> Iterator[Progress]:
    """A moving line on standard error while something is computed; nothing where that is no terminal."""
    from rich.console import Console
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

    from srkit.cli.progress import console

    screen: Console = console()
    if not screen.is_terminal:
        yield lambda words, done, total: None
        return
    columns = (TextColumn("{task.description}"), BarColumn(bar_width=16), MofNCompleteColumn())
    with Progress(*columns, TimeRemainingColumn(compact=True), console=screen, transient=True) as bar:
        task = bar.add_task("", visible=False)

        def told(words: str, done: int, total: int) -> None:
            if words != bar.tasks[0].description:
                bar.reset(task, description=words, total=total, visible=True)
            bar.update(task, completed=done, total=total)

        yield told
