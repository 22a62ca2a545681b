"""`srkit verify`: whether runs are still what they came to, by the hashes in their `results.json`."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from srkit.cli.failures import FAILED, WRONG_INPUT
from srkit.cli.saying import say, say_document
from srkit.cli.trusting import trust_option, user_trust
from srkit.errors import UserError
from srkit.registry import Registry
from srkit.studies.folder import is_study, read_study

if TYPE_CHECKING:
    from srkit.cli.against_results import Verification


@click.command("verify")
@click.argument("runs", nargs=-1, required=True, type=click.Path(path_type=Path), metavar="RUN...")
@click.option("--rescore", is_flag=True, help="Judge the models again too, and compare the scores.")
@click.option("--device", help="Where to judge: cpu, cuda, cuda:1 or mps; by default the best there is.")
@click.option("--json", "as_json", is_flag=True, help="A list of objects, for scripts.")
@trust_option
def verify_command(runs: tuple[Path, ...], rescore: bool, device: str | None, as_json: bool, trust: bool) -> None:
    """Compare runs with what they recorded at their end.

    Exit code 0: all is equal; 1: something is different; 2: there is no results.json.

    \b
    Examples:
      srkit verify runs/espcn
      srkit verify runs/espcn --rescore
    """
    from srkit.cli.against_results import compare_scores, verify_run

    # own code is needed to judge a model again; without that it is left out
    registry = Registry.installed(user_trust(trust, ask=rescore))
    found = [verify_run(run, registry) for run in _runs(runs)]
    for one in found:
        if rescore and not one.error:
            compare_scores(one, registry, device)
    if as_json:
        say_document(json.dumps([_as_object(one) for one in found], indent=1))
    else:
        for one in found:
            _tell(one)
    code = max((_code(one) for one in found), default=0)
    if code:
        raise click.exceptions.Exit(code)


def _runs(given: Sequence[Path]) -> Iterator[Path]:
    """The runs that were named, and those of studies.

    Raises:
        UserError: there is no such folder.
    """
    for path in given:
        if not path.is_dir():
            raise UserError(f"{path}: there is no such run folder")
        if is_study(path):
            study = read_study(path)
            yield from (study.run_folder(cell) for cell in study.cells)
        else:
            yield path


def _code(one: Verification) -> int:
    return WRONG_INPUT if one.error else FAILED if one.different else 0


def _tell(one: Verification) -> None:
    for sentence in one.different:
        say(f"{one.run}: different: {sentence}")
    for sentence in one.not_checked:
        say(f"{one.run}: not checked: {sentence}")
    for sentence in one.remarks:
        say(f"{one.run}: {sentence}")
    if one.error:
        say(f"error: {one.error}", err=True)
    elif not one.different:
        say(f"{one.run}: equal to its results {one.short}")


def _as_object(one: Verification) -> dict[str, Any]:
    return {
        "run": str(one.run),
        "results": one.short,
        "equal": not one.error and not one.different,
        "different": one.different,
        "not_checked": one.not_checked,
        "remarks": one.remarks,
        "error": one.error,
    }
