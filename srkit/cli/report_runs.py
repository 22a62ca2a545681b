"""The runs of a report: found in what was named, and read."""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from srkit.errors import UserError
from srkit.plain_files import plain_text

if TYPE_CHECKING:
    from srkit.evaluation.bench.entries import Comparison
    from srkit.evaluation.report.contents import Subject

__all__ = ["Found", "FoundRun", "find_runs", "made_by", "subject_of"]


@dataclass(frozen=True)
class FoundRun:
    """One run.

    Attributes:
        name: unique in its report.
        folder: its own.
        state: of the cell in its study; empty for a run of its own.
    """

    name: str
    folder: Path
    state: str = ""


@dataclass(frozen=True)
class Found:
    """What there is to report on.

    Attributes:
        runs: in the order they were named; a study's in the order of its file.
        studies: their tables.
        notes: cells that are no runs yet.
    """

    runs: Sequence[FoundRun]
    studies: Sequence[Comparison] = field(default_factory=tuple)
    notes: Sequence[str] = field(default_factory=tuple)


def find_runs(arguments: Sequence[Path]) -> Found:
    """The runs that somebody means.

    Raises:
        UserError: one is neither a run nor a study, is named twice, or no run has begun.
    """
    from srkit.studies.folder import is_study
    from srkit.studies.members import members
    from srkit.studies.table import study_tables
    from srkit.training.folder import is_run

    folders: list[tuple[Path, str]] = []
    notes: list[str] = []
    tables: list[Comparison] = []
    for path in arguments:
        if is_run(path):
            folders.append((path, ""))
        elif is_study(path):
            begun, missing = _cells(path)
            folders, notes = folders + begun, notes + missing
            tables += study_tables(members([path]))
        else:
            raise UserError(_no_run(path))
    if not folders:
        raise UserError("there is nothing to report yet:", *notes)
    places = [folder.resolve() for folder, _ in folders]
    twice = next((folder for folder, _ in folders if places.count(folder.resolve()) > 1), None)
    if twice is not None:
        raise UserError(f"{twice} is named twice; a report has one column for each run")
    runs = [FoundRun(name, *one) for name, one in zip(_names(places), folders, strict=True)]
    return Found(runs, tables, notes)


def _cells(path: Path) -> tuple[list[tuple[Path, str]], list[str]]:
    """The run folders of a study with the states of their cells, and a sentence for each cell that has none."""
    from srkit.studies.folder import read_study
    from srkit.training.folder import is_run

    study = read_study(path)
    begun: list[tuple[Path, str]] = []
    missing: list[str] = []
    for cell in study.cells:
        folder = study.run_folder(cell)
        if is_run(folder):
            begun.append((folder, cell.state))
        else:
            why = f": {cell.message}" if cell.message else ""
            missing.append(f"{study.name}: {cell.name} has not begun ({cell.state}{why})")
    return begun, missing


def _no_run(path: Path) -> str:
    if not path.exists():
        return f"{path}: there is no such run or study"
    return f"{path}: this is neither a run folder (it has no experiment.toml and manifest.json) nor a study"


def _names(folders: Sequence[Path]) -> list[str]:
    """What runs are called: their folders' names, with as many folders above as it takes to tell them apart."""
    taken = ("bicubic", "original")  # the names of other columns
    depth, names = 1, [one.name for one in folders]
    while len(set(names)) < len(names) or set(names) & set(taken):
        depth += 1
        again = [name for name in names if names.count(name) > 1 or name in taken]
        names = [
            "/".join(folder.parts[-depth:]) if name in again else name
            for folder, name in zip(folders, names, strict=True)
        ]
    return names


def subject_of(run: FoundRun) -> Subject:
    """A run as a report shows it.

    Raises:
        UserError: one of its files cannot be read; names it.
    """
    from srkit.evaluation.curves import read_curves
    from srkit.evaluation.report.contents import Subject
    from srkit.experiment.written import parsed_written
    from srkit.training.folder import EXPERIMENT, read_manifest

    text = _text(run.folder / EXPERIMENT)
    experiment = parsed_written(run.folder / EXPERIMENT, text)
    manifest = read_manifest(run.folder)
    curves = read_curves(run.folder, run.name)
    logged = max((series.steps[-1] for series in curves.metrics.values() if series.steps), default=0)
    state = _state(run, experiment.get("steps"), logged, imported="imported" in manifest)
    return Subject(run.name, state, experiment, text, manifest, curves)


def _text(path: Path) -> str:
    try:
        return plain_text(path)
    except (OSError, UnicodeDecodeError) as error:
        raise UserError(f"{path} cannot be read: {error}") from None


def _state(run: FoundRun, steps: Any, logged: int, *, imported: bool) -> str:
    """How far a run came, in words."""
    from srkit.training.checkpoint import checkpoints, step_of

    saved = max((step_of(one) for one in checkpoints(run.folder / "checkpoints")), default=None)
    if imported:
        return "imported weights"
    if saved is not None and isinstance(steps, int) and saved >= steps:
        return f"finished, {steps:,} steps"
    cell = f" ({run.state})" if run.state else ""
    reached = f"not finished{cell}: step {max(logged, saved or 0):,}" + (f" of {steps:,}" if steps else "")
    return f"{reached}; shown as of step {saved:,}" if saved is not None else f"{reached}, no checkpoint yet"


def made_by(device: str) -> str:
    """By what, when and where a page is made."""
    import torch

    import srkit

    when = time.strftime("%Y-%m-%d %H:%M %Z")
    where = f"pictures and scores computed with torch {torch.__version__} on {device}"
    return f"Made by srkit {srkit.__version__}, {when}; {where}."
