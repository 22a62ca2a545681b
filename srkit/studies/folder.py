"""A study's folder: `study.json`, a run folder for each cell, and what each was started with. No torch on the way."""

from __future__ import annotations

import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal

import msgspec

import srkit
from srkit.data.placing import place_bytes
from srkit.errors import UserError
from srkit.experiment.study import is_cell_name
from srkit.plain_files import plain_bytes

__all__ = ["Attempt", "Cell", "CellState", "Study", "is_study", "read_study", "write_study"]

STUDY_FILE = "study.json"
OWN = "study"
"""The folder of what is the study's own, beside those of the runs."""

CellState = Literal["waiting", "running", "done", "failed", "interrupted"]
"""In what state a cell is: "interrupted" has a checkpoint to go on from."""


@dataclass(frozen=True)
class Attempt:
    """One time that a cell was executed.

    Attributes:
        started, ended: as 2026-01-31T12:00:00+0000; `ended` is empty while it lasts.
        state: how it ended, or "running".
        message: why, where it failed or was lost.
    """

    started: str
    ended: str = ""
    state: str = "running"
    message: str = ""


@dataclass(frozen=True)
class Cell:
    """One run of a study.

    Attributes:
        name: what its folder is called.
        alternative: the row of the table it belongs to.
        seed: its seed.
        labels: what was chosen, by the key of the matrix.
        settings: the values, by the same keys.
        state: how far it is.
        message: why it failed; empty else.
        attempts: each time it was executed, the last one last.
    """

    name: str
    alternative: str
    seed: int
    labels: Mapping[str, str] = field(default_factory=dict)
    settings: Mapping[str, Any] = field(default_factory=dict)
    state: CellState = "waiting"
    message: str = ""
    attempts: tuple[Attempt, ...] = ()


@dataclass(frozen=True)
class Study:
    """What `study.json` holds, and where.

    Attributes:
        folder: the study's.
        name: what it is called.
        file: the experiment file it was made of.
        launcher: `use` and the options that it is built with, also when the study goes on.
        device: as it was asked for; empty for the best there is.
        cells: in the order in which they are begun.
    """

    folder: Path
    name: str
    file: str
    launcher: Mapping[str, Any]
    device: str
    cells: tuple[Cell, ...]

    @property
    def alternatives(self) -> list[str]:
        """The table's rows, in order."""
        return list(dict.fromkeys(cell.alternative for cell in self.cells))

    def run_folder(self, cell: Cell) -> Path:
        """Where the cell's run is; it may not have begun yet."""
        return self.folder / cell.name

    def experiment_file(self, cell: Cell) -> Path:
        """What the cell is started with."""
        return self.folder / OWN / cell.name / "experiment.toml"

    def log_file(self, cell: Cell) -> Path:
        """What the cell's processes printed, one after another."""
        return self.folder / OWN / cell.name / "log.txt"

    @property
    def lock_file(self) -> Path:
        """Held by the process that looks after the study."""
        return self.folder / OWN / "lock"


@dataclass(frozen=True)
class _Stored:
    """The form on disk: whatever can be told from where the file lies is left out."""

    name: str
    file: str
    launcher: dict[str, Any]
    device: str
    cells: tuple[Cell, ...]
    srkit: str = srkit.__version__


def is_study(folder: Path) -> bool:
    """Whether a folder is a study's."""
    return (folder / STUDY_FILE).is_file()


def read_study(folder: Path) -> Study:
    """What is known of a study, also while it runs.

    Raises:
        UserError: there is none, its file cannot be read, or a cell in it has a name that srkit gives none.
    """
    path = folder / STUDY_FILE
    try:
        stored = msgspec.json.decode(plain_bytes(path), type=_Stored)
    except FileNotFoundError:
        raise UserError(f"{folder} is not a study's folder: it has no {STUDY_FILE}") from None
    except (OSError, msgspec.MsgspecError, RecursionError) as error:
        raise UserError(f"{path} cannot be read: {error}") from None
    _require_sound(path, stored)
    return Study(folder, stored.name, stored.file, stored.launcher, stored.device, stored.cells)


def write_study(study: Study) -> None:
    """Put `study.json` in place in one step, so that whoever reads it finds it whole."""
    stored = _Stored(study.name, study.file, dict(study.launcher), study.device, study.cells)
    text = msgspec.json.format(msgspec.json.encode(stored, enc_hook=str), indent=1)
    place_bytes(study.folder / STUDY_FILE, text + b"\n")


def _require_sound(path: Path, stored: _Stored) -> None:
    """A cell's name becomes a folder's: it has to be one that srkit gives, so that it leads nowhere else."""
    seen: set[str] = set()
    for cell in stored.cells:
        if not is_cell_name(cell.name):
            raise UserError(f"{path}: {cell.name!r} is no name that srkit gives a run of a study")
        if cell.name.casefold() in seen:
            raise UserError(f"{path}: two runs are called {cell.name!r}")
        seen.add(cell.name.casefold())
    if stored.launcher and not isinstance(stored.launcher.get("use"), str):
        raise UserError(f"{path}: its launcher has no `use`")


def now() -> str:
    """The time as an attempt keeps it."""
    return time.strftime("%Y-%m-%dT%H:%M:%S%z")
