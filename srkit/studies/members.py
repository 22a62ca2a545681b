"""The runs a table is made of: each with its row and seed, its scores, how far it is and what it was given."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from srkit.data.sameness import content_key
from srkit.errors import UserError
from srkit.evaluation.rows import BASELINES, Row
from srkit.evaluation.scores_file import read_scores
from srkit.experiment.resolved import differences
from srkit.experiment.written import read_written
from srkit.json_files import DAMAGED, parsed
from srkit.locks import is_held
from srkit.plain_files import plain_text
from srkit.studies.folder import Cell, Study, is_study, read_study
from srkit.studies.glance import glance
from srkit.training.folder import is_run, read_manifest
from srkit.training.log_files import MISSING
from srkit.training.results import short_hash

__all__ = ["Budget", "Member", "members"]


@dataclass(frozen=True)
class Budget:
    """What a run was given.

    Attributes:
        steps: updates of the generator.
        samples: patches seen, over all steps.
        seconds: spent in steps; None where its metrics do not say.
        device: in words, with its threads on a CPU.
        data: what tells the training images from others: a hash of their contents, else their fingerprint.
    """

    steps: int
    samples: int
    seconds: float | None
    device: str
    data: str


@dataclass(frozen=True)
class Member:
    """One run of a table.

    Attributes:
        name: its folder's.
        alternative: the table's row.
        seed: its seed.
        state: in words, where it is not finished: "running, step 50 of 100".
        rows: of its own table, the baseline's among them; empty while it is not finished.
        budget: what it was given; None while it is not finished.
        results: the short hash of its `results.json`; empty where it has none.
    """

    name: str
    alternative: str
    seed: int
    state: str = ""
    rows: Sequence[Row] = ()
    budget: Budget | None = None
    results: str = ""


def members(places: Sequence[Path]) -> list[Member]:
    """The runs of studies and single runs, in order. Single runs that differ in nothing but the seed share a row.

    Raises:
        UserError: a place is neither; or a file in it cannot be read.
    """
    found: list[Member] = []
    single: list[tuple[str, dict[str, Any]]] = []
    several = sum(map(is_study, places)) > 1
    for place in places:
        if is_study(place):
            study = read_study(place)
            prefix = f"{study.name}: " if several else ""
            found += [_of_cell(study, cell, prefix) for cell in study.cells]
        elif is_run(place):
            found.append(_of_run(place, single))
        else:
            raise UserError(f"{place} is neither a study's folder nor a run's")
    return found


def _of_cell(study: Study, cell: Cell, prefix: str) -> Member:
    member = Member(cell.name, f"{prefix}{cell.alternative}", cell.seed)
    folder = study.run_folder(cell)
    if _is_finished(folder):
        return _finished(member, folder)
    if cell.state == "failed":
        return replace(member, state=f"failed: {cell.message}")
    done = glance(folder)
    how_far = f", step {done.step} of {done.total}" if done.total else ""
    # a study that was killed has nobody who could say so
    is_left = cell.state == "running" and not is_held(study.lock_file)
    return replace(member, state=f"{'interrupted' if is_left else cell.state}{how_far}")


def _of_run(folder: Path, before: list[tuple[str, dict[str, Any]]]) -> Member:
    experiment = read_written(folder / "experiment.toml")
    seed = experiment.get("seed", 0)
    recipe = {key: value for key, value in experiment.items() if key != "seed"}
    name = folder.resolve().name
    # every value counts but what no number depends on
    row = next((row for row, other in before if not differences(other, recipe) and not differences(recipe, other)), "")
    if not row:
        row = name
        before.append((row, recipe))
    member = Member(name, row, seed)
    if _is_finished(folder):
        return _finished(member, folder)
    done = glance(folder)
    return replace(member, state=f"not finished, step {done.step} of {done.total}")


def _is_finished(folder: Path) -> bool:
    """Whether a run came to its end and was judged; scores of before it was made longer do not count."""
    done = glance(folder)
    return (folder / "scores.json").is_file() and bool(done.total) and done.step >= done.total


def _finished(member: Member, folder: Path) -> Member:
    """With its scores; the run's own row has the name that its folder has today."""
    rows = read_scores(folder / "scores.json")
    rows = [one if one.model in BASELINES else replace(one, model=member.name) for one in rows]
    return replace(member, rows=tuple(rows), budget=_budget(folder), results=short_hash(folder))


def _budget(folder: Path) -> Budget:
    path = folder / "experiment.toml"
    experiment = read_written(path)
    try:
        spans = _spans(experiment)
        path = folder / "manifest.json"
        manifest = read_manifest(folder)
        device, known = str(manifest["sessions"][-1]["device"]), manifest["data"]
        data = str(known.get(content_key("train")) or known["train"])
    except DAMAGED as error:
        raise UserError(f"{path} cannot be read: {type(error).__name__}: {error}") from None
    samples = sum(steps * batch for steps, batch in spans)
    return Budget(sum(steps for steps, _ in spans), samples, _seconds(folder / "metrics.jsonl", spans), device, data)


def _spans(experiment: Mapping[str, Any]) -> list[tuple[int, int]]:
    """(steps, batch size) of each part of the training."""
    batch = experiment["data"]["batch_size"]
    stages = experiment.get("stage", [])
    if not stages:
        return [(int(experiment["steps"]), int(batch))]
    return [(int(one["steps"]), int(one.get("set", {}).get("data.batch_size", batch))) for one in stages]


def _seconds(metrics: Path, spans: Sequence[tuple[int, int]]) -> float | None:
    """The time of all steps by the speed at each log step, so that nights between two sessions do not count."""
    try:
        lines = [parsed(line) for line in plain_text(metrics).splitlines()]
        lines = [line for line in lines if MISSING not in line]
        before, seconds = 0, 0.0
        for line in lines:
            seen = _seen(line["step"], spans) - _seen(before, spans)
            seconds += seen / line["images_per_second"]
            before = line["step"]
    except (OSError, ZeroDivisionError, *DAMAGED):
        return None
    return seconds if lines else None


def _seen(step: int, spans: Sequence[tuple[int, int]]) -> int:
    """Patches seen until a step."""
    seen = 0
    for steps, batch in spans:
        seen += min(step, steps) * batch
        step -= min(step, steps)
    return seen
