"""`srkit verify`: whether runs are still what they came to, by the hashes in their `results.json`."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import click

from srkit.cli.failures import FAILED, WRONG_INPUT
from srkit.cli.saying import say, say_document
from srkit.cli.trusting import trust_option, user_trust
from srkit.errors import UserError
from srkit.registry import Registry
from srkit.studies.folder import is_study, read_study

SHOWN = 5
"""Files of a set that are named."""

TOLERANCE = 1e-4
"""How far a score that is measured again may be from the recorded one, as a share of it, of 1 at least. Another
number of threads or another device rounds otherwise. On the same machine they are equal."""


@dataclass
class Verdict:
    """What comparing a run with its `results.json` found.

    Attributes:
        run: its folder.
        short: the short hash of `results.json`.
        different: what is not as it was, a sentence each.
        not_checked: what could not be compared here.
        missing: why there is nothing to compare with.
    """

    run: Path
    short: str = ""
    different: list[str] = field(default_factory=list)
    not_checked: list[str] = field(default_factory=list)
    missing: str = ""

    @property
    def code(self) -> int:
        return WRONG_INPUT if self.missing else FAILED if self.different else 0


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
    # own code is needed to judge a model again; without that it is left out
    registry = Registry.installed(user_trust(trust, ask=rescore))
    found = [_verified(run, registry) for run in _runs(runs)]
    if rescore:
        for one in found:
            if not one.missing:
                _rescore(one, registry, device)
    if as_json:
        say_document(json.dumps([_as_object(one) for one in found], indent=1))
    else:
        for one in found:
            _tell(one, rescored=rescore)
    code = max((one.code for one in found), default=0)
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


def _verified(run: Path, registry: Registry) -> Verdict:
    from srkit.evaluation.scores_file import BASELINE
    from srkit.training.results import code_of, last_step, read_results, scores_digest, short_hash, weights_of

    try:
        recorded = read_results(run)
    except UserError as error:
        return Verdict(run, missing=str(error))
    verdict = Verdict(run, short_hash(run))
    step = last_step(run)
    if step != recorded["step"]:
        verdict.different.append(f"the last checkpoint is of step {step}, and it was of {recorded['step']}")
    weights = weights_of(run)
    for role in sorted({*weights, *recorded["weights"]}):
        if weights.get(role) != recorded["weights"].get(role):
            verdict.different.append(f"the weights of the {role} are other ones")
    try:
        if scores_digest(run, BASELINE) != recorded["scores"]:
            verdict.different.append("scores.json has other scores")
    except UserError as error:
        verdict.different.append(str(error))
    if code_of(run) != recorded["code"]:
        verdict.different.append("the copies of own code in code/ were changed")
    _compare_experiment(verdict, recorded["experiment"], registry)
    _compare_data(verdict, recorded["data"])
    return verdict


def _compare_experiment(verdict: Verdict, recorded: str, registry: Registry) -> None:
    from srkit.experiment.fingerprint import experiment_digest
    from srkit.experiment.written import read_written
    from srkit.training.folder import EXPERIMENT

    try:
        if experiment_digest(read_written(verdict.run / EXPERIMENT), registry) != recorded:
            verdict.different.append("experiment.toml describes another experiment")
    except UserError as error:
        verdict.different.append(f"experiment.toml cannot be compared here: {error}")


def _compare_data(verdict: Verdict, recorded: dict[str, str]) -> None:
    from srkit.data.contents import file_hash, read_contents
    from srkit.training.folder import DATA_MEMORY
    from srkit.training.results import data_digest

    try:
        listed = read_contents(verdict.run / DATA_MEMORY)
    except UserError as error:
        verdict.different.append(str(error))
        return
    for role, digest in sorted(recorded.items()):
        files = listed.get(role, [])
        if data_digest(files) != digest:
            verdict.different.append(f"data.json lists other files for data.{role} than the run saw")
            continue
        here = [one for one in files if one.path and Path(one.path).is_file()]
        changed = [one.name for one in here if not _is_pixels(one) and file_hash(Path(one.path)) != one.sha256]
        if changed:
            more = f" and {len(changed) - SHOWN} more" if len(changed) > SHOWN else ""
            verdict.different.append(f"data.{role}: {', '.join(changed[:SHOWN])}{more} changed since the run")
        if len(here) < len(files):
            verdict.not_checked.append(f"data.{role}: {len(files) - len(here)} of {len(files)} files are not here")


def _is_pixels(one: Any) -> bool:
    """Whether the hash is of pixels: the sample has no image file of its own."""
    from srkit.data.headers import IMAGE_SUFFIXES

    path = Path(one.path)
    return path.suffix.lower() not in IMAGE_SUFFIXES and path.name != "index.json"


def _rescore(verdict: Verdict, registry: Registry, device: str | None) -> None:
    """Judge the model again on its validation set; nothing that was kept of earlier measurements is used.

    Raises:
        UserError: the model or its validation set cannot be had.
    """
    import tempfile

    from srkit.cli.bench_answer import Question, answer
    from srkit.evaluation.scores_file import BASELINE, read_scores

    recorded = [one for one in read_scores(verdict.run / "scores.json") if one.model != BASELINE]
    names = list(dict.fromkeys(name for row in recorded for name in row.metrics))
    with tempfile.TemporaryDirectory() as kept:
        question = Question(models=(str(verdict.run),), metrics=names, device=device)
        given = answer(question, registry, cache=Path(kept))
    measured = {image: scores for one in given.comparisons for image, scores in one.entries[0].row.per_image.items()}
    for row in recorded:
        for image, scores in row.per_image.items():
            for name, value in scores.items():
                again = measured.get(image, {}).get(name)
                if not _alike(value, again):
                    verdict.different.append(f"{image}: {name} is {again} measured here, and {value} as recorded")


def _alike(one: float | None, other: float | None) -> bool:
    if one is None or other is None:
        return one is other
    return abs(one - other) <= TOLERANCE * max(1.0, abs(one))


def _tell(one: Verdict, *, rescored: bool) -> None:
    if one.missing:
        say(f"error: {one.missing}", err=True)
        return
    for sentence in one.different:
        say(f"{one.run}: different: {sentence}")
    for sentence in one.not_checked:
        say(f"{one.run}: not checked: {sentence}")
    if not one.different:
        scores = ", scores measured here as recorded" if rescored else ""
        say(f"{one.run}: equal to its results {one.short}{scores}")


def _as_object(one: Verdict) -> dict[str, Any]:
    return {
        "run": str(one.run),
        "results": one.short,
        "equal": not one.missing and not one.different,
        "different": one.different,
        "not_checked": one.not_checked,
        "missing": one.missing,
    }
