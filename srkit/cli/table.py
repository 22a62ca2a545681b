"""`srkit table`: the runs of a study side by side, means over seeds, their spread, and how sure each difference is."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import click

from srkit.cli.bench import FORMATS, WIDEST, shareable
from srkit.cli.saying import say, say_document

if TYPE_CHECKING:
    from srkit.evaluation.bench.entries import Comparison
    from srkit.studies.folder import Study
    from srkit.studies.members import Member


@click.command("table")
@click.argument("places", nargs=-1, required=True, type=click.Path(path_type=Path), metavar="STUDY_OR_RUN...")
@click.option("--against", metavar="ROW", help="What differences are from; by default bicubic.")
@click.option("--format", "form", type=click.Choice(FORMATS), default="table", show_default=True, help="What to print.")
@click.option("--with-paths", is_flag=True, help="Folders of this machine in markdown, csv, json and latex too.")
def table_command(places: tuple[Path, ...], against: str | None, form: str, with_paths: bool) -> None:
    """Put the runs of a study side by side, also while it trains.

    \b
    Examples:
      srkit table runs/block_study
      srkit table runs/block_study --format latex > table.tex
    """
    from srkit.studies.members import members
    from srkit.studies.table import study_tables

    runs = members(places)
    _show(shareable(study_tables(runs, against), form, with_paths=with_paths), runs, form)


def show_study(study: Study) -> None:
    """The table that ends a study."""
    from srkit.studies.members import members
    from srkit.studies.table import study_tables

    runs = members([study.folder])
    _show(study_tables(runs), runs, "table")


def _show(comparisons: Sequence[Comparison], runs: Sequence[Member], form: str) -> None:
    from srkit.evaluation.bench import formats
    from srkit.studies.table import missing

    if form == "json":
        absent = [
            {"run": one.name, "row": one.alternative, "seed": one.seed, "state": one.state} for one in runs if one.state
        ]
        facts = {"missing": absent, "method": comparisons[0].method if comparisons else ""}
        say_document(formats.as_json(comparisons, facts), nl=False)
    elif not comparisons:
        # no table, under which they could stand
        say("no run is finished and judged yet", *missing(runs), err=form == "csv")
    elif form == "csv":
        say_document(formats.as_csv(comparisons), nl=False)
    elif form == "markdown":
        say_document(formats.as_markdown(comparisons), nl=False)
    elif form == "latex":
        say_document(formats.as_latex(comparisons), nl=False)
    else:
        _print(comparisons)


def _print(comparisons: Sequence[Comparison]) -> None:
    from srkit.cli.console import results
    from srkit.evaluation.bench.table import comparison_table

    console = results(WIDEST)
    for number, one in enumerate(comparisons):
        if number:
            say()
        console.rows(comparison_table(one, min(console.width, WIDEST)))
