"""A study begun in a folder of its own, or gone on with: what each cell is started with, written down and compared."""

from __future__ import annotations

import glob
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import tomli

from srkit.data.placing import is_left_over
from srkit.errors import UserError
from srkit.experiment import Plan
from srkit.experiment.remembered import remembered
from srkit.experiment.resolved import CODE_FOLDER, code_copies, differences, resolve, shown, write_toml
from srkit.links import folder_inside, refuse_links
from srkit.registry import Registry
from srkit.studies.folder import OWN, Cell, Study, is_study, read_study, write_study
from srkit.studies.plans import CellPlan
from srkit.training.folder import RUNS, is_run, write_experiment

__all__ = ["Planned", "as_cells", "begun", "gone_on_with", "study_to_resume"]


@dataclass(frozen=True)
class Planned:
    """A cell, and the experiment that it is."""

    cell: Cell
    plan: Plan


def as_cells(plans: Sequence[CellPlan]) -> list[Planned]:
    """The cells of a file, none of which has begun."""
    return [
        Planned(Cell(one.name, one.alternative, both.plan.experiment.seed, one.labels, one.settings), both.plan)
        for both in plans
        for one in (both.cell,)
    ]


def begun(
    name: str,
    file: Path,
    cells: Sequence[Planned],
    launcher: Mapping[str, Any],
    device: str,
    out: Path | None,
    registry: Registry,
) -> Study:
    """Make the folder of a new study: `--out`, or `runs/NAME`, numbered where that exists.

    Args:
        registry: where the cells' components were looked up.

    Raises:
        UserError: `--out` holds something already, or cannot be made.
    """
    folder = _new_folder(name, out)
    study = Study(folder, name, str(file.resolve()), launcher, device, tuple(one.cell for one in cells))
    _write(study, cells, registry)
    return study


def _new_folder(name: str, out: Path | None) -> Path:
    if out is not None:
        if not _is_free(out):
            known = "Go on with it by --resume, or choose" if is_study(out) else "Choose"
            raise UserError(f"{out} is not empty, and a study is never overwritten. {known} another --out")
        if out.exists():
            refuse_links(out)
        return out
    candidate, number = RUNS / name, 1
    while not _is_free(candidate):
        number += 1
        candidate = RUNS / f"{name}-{number}"
    if candidate.exists():
        refuse_links(candidate)
    return candidate


def _is_free(folder: Path) -> bool:
    """Whether nothing is in it, or only what an attempt left that was killed before `study.json` was in place."""
    if not folder.exists():
        return True
    if not folder.is_dir():
        return False
    names = {one.name for one in folder.iterdir() if not is_left_over(one.name)}
    return names <= {OWN, ".study.json.part"}  # the latter was written aside by earlier versions


def _write(study: Study, cells: Sequence[Planned], registry: Registry) -> None:
    """What each cell is started with, then `study.json`."""
    try:
        for one in cells:
            folder = folder_inside(study.folder, OWN, one.cell.name)
            write_experiment(folder, one.plan, resolve(one.plan, {}))
            registry.trust.record_code(folder)
        write_study(study)
    except OSError as error:
        raise UserError(f"the study's folder {study.folder} cannot be written: {error.strerror or error}") from None


def study_to_resume(name: str, out: Path | None) -> Study:
    """The study `--resume` means: `--out`, or the newest `runs/NAME`.

    Raises:
        UserError: there is none.
    """
    if out is not None:
        return read_study(out)
    pattern = re.compile(rf"{re.escape(name)}(?:-(\d+))?")
    found = [(one, pattern.fullmatch(one.name)) for one in RUNS.glob(f"{glob.escape(name)}*")]
    numbered = sorted((int(match[1] or 1), one) for one, match in found if match and is_study(one))
    if not numbered:
        raise UserError(f"there is no study {name!r} in {RUNS}/ to resume; name its folder by --out")
    return read_study(numbered[-1][1])


def gone_on_with(
    study: Study, cells: Sequence[Planned], launcher: Mapping[str, Any], device: str, registry: Registry
) -> Study:
    """The study with what its cells are now: longer, perhaps, or more of them. What is done is kept.

    Args:
        registry: where the cells' own files are looked up again.

    Raises:
        UserError: a cell is another experiment than it was, or is gone; every difference is listed. Or the study's
            folder has links inside.
    """
    refuse_links(study.folder)
    known = {cell.name: cell for cell in study.cells}
    changed: dict[str, list[str]] = {}
    for one in cells:
        for text in _differences(study, one, registry) if one.cell.name in known else ():
            changed.setdefault(text, []).append(one.cell.name)
    for name in sorted(set(known) - {one.cell.name for one in cells}):
        changed.setdefault("the file has no such cell any more", []).append(name)
    if changed:
        lines = [f"  {text} (in {_listed(names)})" for text, names in changed.items()]
        raise UserError(
            f"{study.folder} is a study of other experiments; --resume accepts more cells, more steps and changed "
            "logging:",
            *lines,
            "Start a new study with another --out, or undo these changes",
        )
    kept = tuple(
        _kept(study, known[one.cell.name], one, registry) if one.cell.name in known else one.cell for one in cells
    )
    study = replace(study, cells=kept, launcher=launcher, device=device)
    _write(study, cells, registry)
    return study


def _differences(study: Study, now: Planned, registry: Registry) -> list[str]:
    old = remembered(study.experiment_file(now.cell), registry)
    lines = [f"{key}: {shown(a)} -> {shown(b)}" for key, a, b in differences(old, _tree(now.plan))]
    for file, copy in code_copies(now.plan).items():
        kept = study.experiment_file(now.cell).parent / CODE_FOLDER / copy
        if not kept.is_file() or kept.read_bytes() != file.read_bytes():
            lines.append(f"{file} is not what the study began with")
    return lines


def _listed(names: Sequence[str], most: int = 3) -> str:
    more = f" and {len(names) - most} more" if len(names) > most else ""
    return ", ".join(names[:most]) + more


def _kept(study: Study, before: Cell, now: Planned, registry: Registry) -> Cell:
    """A cell that is done stays so, unless it became longer or its run is gone; every other one waits."""
    old, new = remembered(study.experiment_file(before), registry), _tree(now.plan)
    is_done = before.state == "done" and _length(old) == _length(new) and is_run(study.run_folder(before))
    labels = replace(before, labels=now.cell.labels, alternative=now.cell.alternative, settings=now.cell.settings)
    return labels if is_done else replace(labels, state="waiting", message="")


def _length(tree: Mapping[str, Any]) -> list[Any]:
    stages = [(one.get("steps"), one.get("epochs")) for one in tree.get("stage", ())]
    return [tree.get("steps"), *stages]


def _tree(plan: Plan) -> dict[str, Any]:
    """The experiment as its file will read."""
    return tomli.loads(write_toml(resolve(plan, {})))
