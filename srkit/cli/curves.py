"""`srkit curves`: what runs wrote down over their steps, overlaid, as one PNG."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

import click

from srkit.cli.saying import say
from srkit.cli.side_by_side import made_folder
from srkit.errors import UserError

if TYPE_CHECKING:
    from srkit.evaluation.curves import RunCurves
    from srkit.evaluation.rows import Row


@click.command("curves")
@click.argument("runs", nargs=-1, required=True, type=click.Path(path_type=Path), metavar="RUN...")
@click.option(
    "--perception-distortion",
    is_flag=True,
    help="Only the scatter of a perceptual metric against PSNR; RUN may be a table by srkit bench --format json too.",
)
@click.option("--out", type=click.Path(path_type=Path), default="curves.png", show_default=True, help="The PNG.")
def curves_command(runs: tuple[Path, ...], perception_distortion: bool, out: Path) -> None:
    """Draw losses, learning rates and scores of runs over their steps.

    \b
    Examples:
      srkit curves runs/espcn
      srkit curves runs/* --out all.png
    """
    from srkit.data.placing import placed
    from srkit.evaluation.curves import panels, read_curves, scatters
    from srkit.evaluation.curves_figure import curves_figure

    folders = _folders(runs)
    read = [read_curves(folder, name) for folder, name in zip(folders, _names(folders), strict=True)]
    found = scatters(_rows(read, [one for one in runs if one.is_file()]))
    lines = [] if perception_distortion else panels(read)
    if perception_distortion and not found:
        raise UserError(
            "no two models have a perceptual metric beside PSNR on the same photos: train with lpips, dists or niqe in "
            "[validation] metrics, or hand over tables by srkit bench --metric psnr-y --metric lpips --format json"
        )
    if not lines and not found:
        silent = ", ".join(str(one) for one in folders)
        raise UserError(f"{silent}: nothing was logged yet; [log] every says after how many steps a line is written")
    for one in read:
        if not perception_distortion and not one.metrics:
            say(f"warning: {one.folder} has logged nothing yet and is left out", err=True)
    title = read[0].name if len(read) == 1 else f"{len(read)} runs"
    title = "perception and distortion" if perception_distortion else title
    content = curves_figure(title, lines, found, [one.name for one in read])
    made_folder(out.parent)
    with placed(out) as aside:
        aside.write_bytes(content)
    say(str(out))


def _folders(given: Sequence[Path]) -> list[Path]:
    """The run folders: those that were named, and those directly below a folder that is none, such as a study's.

    Raises:
        UserError: there is no run.
    """
    found = []
    for one in given:
        if one.is_file():
            continue
        if not one.exists():
            raise UserError(f"{one}: there is no such run")
        inside = [one] if (one / "experiment.toml").is_file() else sorted(one.glob("[!.]*/experiment.toml"))
        if not inside:
            raise UserError(f"{one}: neither a run folder (it has no experiment.toml) nor one that holds runs")
        found += [folder.parent if folder.is_file() else folder for folder in inside]
    return list(dict.fromkeys(found))


def _names(folders: Sequence[Path]) -> list[str]:
    """What runs are called: their folder's name, and all of their path where two have one name."""
    short = [one.resolve().name for one in folders]
    return [name if short.count(name) == 1 else str(one) for one, name in zip(folders, short, strict=True)]


def _rows(runs: Sequence[RunCurves], tables: Sequence[Path]) -> list[Row]:
    """Scores of runs, as far as they were judged, each under its legend's name, and of tables.

    Raises:
        UserError: a file has another form.
    """
    from srkit.evaluation.scores_file import read_scores

    rows = []
    for run in runs:
        file = run.folder / "scores.json"
        own = run.folder.resolve().name
        read = read_scores(file) if file.is_file() else []
        rows += [replace(row, model=run.name) if row.model == own else row for row in read]
    return rows + [row for file in tables for row in read_scores(file)]
