"""A run held against its `results.json`: weights, scores, experiment, code, data; and its scores measured again."""

from __future__ import annotations

import tempfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import torch

from srkit.cli.bench_answer import Question, answer
from srkit.data.contents import DataFile, read_contents
from srkit.data.digests import digest_of
from srkit.data.packed import INDEX, PICTURES, PackedPictures
from srkit.data.threads import in_threads
from srkit.errors import BadImage, SrkitError, UserError
from srkit.evaluation.scores_file import BASELINE, read_scores
from srkit.experiment.fingerprint import experiment_digest
from srkit.experiment.written import read_written
from srkit.registry import KINDS, Registry
from srkit.registry.own_code import is_network_path
from srkit.training.checkpoint import checkpoint_name
from srkit.training.device import choose_device, describe
from srkit.training.folder import DATA_MEMORY, EXPERIMENT, read_manifest
from srkit.training.results import (
    RESULTS,
    Results,
    code_of,
    last_step,
    newest_damage,
    read_results,
    scores_digest,
    short_hash,
    weights_of,
)

__all__ = ["Verification", "compare_scores", "verify_run"]

SHOWN = 5
"""Files that are named before the rest is counted."""

SAME, ELSEWHERE = 1e-6, 1e-3
"""How far a score that is measured again may be from the recorded one: on the run's device and torch, and elsewhere,
where a few values are rounded to 8 bits the other way."""

EQUAL, CHANGED, ABSENT = "equal", "changed", "absent"


@dataclass
class Verification:
    """What comparing a run with its `results.json` found.

    Attributes:
        run: its folder.
        short: the short hash of `results.json`.
        different: what is not as it was, a sentence each.
        not_checked: what could not be compared here.
        remarks: what else is to be known.
        error: why there is nothing to compare with, or the scores could not be measured again.
    """

    run: Path
    short: str = ""
    different: list[str] = field(default_factory=list)
    not_checked: list[str] = field(default_factory=list)
    remarks: list[str] = field(default_factory=list)
    error: str = ""


def verify_run(run: Path, registry: Registry) -> Verification:
    """Compute a run's hashes again and compare them with those it wrote; none of its code is loaded."""
    try:
        recorded = read_results(run)
    except UserError as error:
        return Verification(run, error=str(error))
    found = Verification(run, short_hash(run))
    found.different += _other_weights(run, recorded)
    try:
        if scores_digest(run, BASELINE) != recorded.scores:
            found.different.append("scores.json has other scores")
    except UserError as error:
        found.different.append(str(error))
    try:
        if experiment_digest(read_written(run / EXPERIMENT), registry, run) != recorded.experiment:
            found.different.append(f"{EXPERIMENT} describes another experiment")
    except UserError as error:
        found.different.append(f"{EXPERIMENT} cannot be compared here: {error}")
    if code_of(run) != recorded.code:
        found.different.append("the copies of own code in code/ were changed")
    _compare_data(found, recorded.data)
    if recorded.changed:
        found.remarks.append(f"changed while the run went on: {_listed(recorded.changed)}")
    return found


def _other_weights(run: Path, recorded: Results) -> list[str]:
    found = []
    step = last_step(run)
    if step != recorded.step:
        found.append(f"the last checkpoint is of step {step}, and it was of {recorded.step}")
    weights, place = weights_of(run), f"in {checkpoint_name(step)}" if step is not None else "there"
    for role in sorted({*weights, *recorded.weights}):
        if role not in weights:
            found.append(f"the weights of the {role} are missing {place}")
        elif weights[role] != recorded.weights.get(role):
            found.append(f"the weights of the {role} are other ones {place}")
    if not found and (damage := newest_damage(run)):
        found.append(f"{damage}; other commands take an older one")
    return found


def _compare_data(found: Verification, recorded: Mapping[str, Mapping[str, str]]) -> None:
    """Hold the files that `data.json` says where to find against what the run recorded of them."""
    try:
        listed = read_contents(found.run / DATA_MEMORY)
    except UserError as error:
        found.different.append(str(error))
        return
    for role, hashes in sorted(recorded.items()):
        files = {one.name: one for one in listed.get(role, [])}
        if not files:
            found.not_checked.append(f"data.{role}: {DATA_MEMORY} does not say where its files are")
            continue
        other = [one for one in sorted({*files, *hashes}) if one not in files or files[one].sha256 != hashes.get(one)]
        if other:
            found.different.append(
                f"{DATA_MEMORY} and {RESULTS} are of different files of data.{role}: {_listed(other)}"
            )
        _compare_files(found, role, [one for name, one in files.items() if name not in other])


def _compare_files(found: Verification, role: str, files: Sequence[DataFile]) -> None:
    states = dict(zip([one.name for one in files], in_threads(_state, files), strict=True))
    changed = sorted(_shown(name) for name, state in states.items() if state == CHANGED)
    absent = sorted(name for name, state in states.items() if state == ABSENT)
    of_no_file = sum(not one.path for one in files)
    if changed:
        found.different.append(f"data.{role}: {_listed(changed)} changed since the run")
    if absent:
        found.not_checked.append(f"data.{role}: {len(absent)} of {len(files)} files are not here: {_listed(absent)}")
    if of_no_file:
        found.not_checked.append(f"data.{role}: {of_no_file} of {len(files)} images come from no file")


def _shown(name: str) -> str:
    return f"{INDEX} or {PICTURES} beside it" if name == INDEX else name


def _state(one: DataFile) -> str:
    """Whether a file of the data is as it was."""
    path = Path(one.path)
    if not one.path:
        return EQUAL
    # a stranger's list of files is followed to no other machine
    if is_network_path(one.path) or not path.is_file():
        return ABSENT
    try:
        if digest_of(path).sha256 != one.sha256:
            return CHANGED
        if path.name == INDEX:  # which has the checksums of the images beside it
            PackedPictures(path.parent).verify()
    except (BadImage, UserError):
        return CHANGED
    return EQUAL


def _listed(names: Sequence[str]) -> str:
    more = f" and {len(names) - SHOWN} more" if len(names) > SHOWN else ""
    return ", ".join(names[:SHOWN]) + more


def compare_scores(found: Verification, registry: Registry, device: str | None) -> None:
    """Judge a run's model again on its validation set; nothing that was kept of earlier measurements is used."""
    try:
        recorded = read_scores(found.run / "scores.json")
        measured = _measured(found.run, registry, device)
        tolerance = _tolerance(found.run, device)
    except SrkitError as error:
        found.error = f"{found.run}: its scores cannot be measured again here: {error}"
        return
    other = []
    for row in recorded:
        for image, scores in row.per_image.items():
            again = measured.get((row.model == BASELINE, image), {})
            name = f"{BASELINE}, {image}" if row.model == BASELINE else image
            other += [
                f"{name}: {metric} is {again.get(metric)} measured here, and {value} as recorded"
                for metric, value in scores.items()
                if not _alike(value, again.get(metric), tolerance)
            ]
    found.different += other
    if not other:
        found.remarks.append(f"scores measured here as recorded, within {tolerance:g}")


def _measured(run: Path, registry: Registry, device: str | None) -> dict[tuple[bool, str], Mapping[str, float | None]]:
    """Scores by whether they are the baseline's, and by image."""
    names = read_written(run / EXPERIMENT).get("validation", {}).get("metrics", [])
    kind = KINDS["metrics"]
    known = [registry.default_of(kind, name) for name in names]  # as the run took it, whatever was installed since
    metrics = [str(run.resolve() / name) if name.startswith("./") else name for name in known]
    with tempfile.TemporaryDirectory() as kept:
        question = Question(models=(BASELINE, str(run)), metrics=metrics, device=device)
        given = answer(question, registry, cache=Path(kept))
    rows = [entry.row for one in given.comparisons for entry in one.entries]
    return {(row.model == BASELINE, image): scores for row in rows for image, scores in row.per_image.items()}


def _tolerance(run: Path, device: str | None) -> float:
    session = read_manifest(run)["sessions"][-1]
    here = (describe(choose_device(device)), str(torch.__version__))
    return SAME if here == (session.get("device"), session.get("torch")) else ELSEWHERE


def _alike(one: float | None, other: float | None, tolerance: float) -> bool:
    if one is None or other is None:
        return one is other
    return abs(one - other) <= tolerance
