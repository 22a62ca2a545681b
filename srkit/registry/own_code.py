"""Where own code lies: in a folder of the user's, or in a run folder, which is known by the hash of its `code/`."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from srkit.plain_files import plain_bytes
from srkit.registry.code import code_digest

__all__ = ["CODE_FOLDER", "CodeFile", "Place", "is_network_path", "place_of"]

CODE_FOLDER = "code"
"""The folder of a run that holds its copies of own code."""

MANY = 12
"""Files that are named before the rest is counted."""


@dataclass(frozen=True)
class CodeFile:
    """A Python file as somebody is asked about it."""

    path: Path
    lines: int
    sha256: str

    @classmethod
    def read(cls, path: Path) -> CodeFile:
        content = plain_bytes(path)
        return cls(path, len(content.splitlines()), hashlib.sha256(content).hexdigest())

    def __str__(self) -> str:
        return f"{self.path} ({self.lines} line{'' if self.lines == 1 else 's'}, sha256 {self.sha256})"


@dataclass(frozen=True)
class Place:
    """What is trusted as one: a folder with what lies below it, or a run's code.

    Attributes:
        folder: the folder, or the run folder; its real path.
        is_run: whether it is a run folder, in which only `code/` may hold code.
    """

    folder: Path
    is_run: bool

    @property
    def code(self) -> Path:
        """Where its code lies."""
        return self.folder / CODE_FOLDER if self.is_run else self.folder

    def digest(self) -> str:
        """The hash of a run's code."""
        return code_digest(self.code)

    def files(self) -> list[CodeFile]:
        """Its Python files, sorted; of a folder those that lie in it directly come first."""
        found = [path for path in _python_files(self.code) if not path.is_symlink()]
        return [CodeFile.read(path) for path in sorted(found, key=lambda one: (len(one.parts), str(one)))[:MANY]]


def place_of(folder: Path) -> Place:
    """The run folder a folder is or lies in, else the folder itself; by real paths."""
    real = folder.resolve()
    run = next((one for one in (real, *real.parents) if _is_recorded(one)), None)
    return Place(real, is_run=False) if run is None else Place(run, is_run=True)


def is_network_path(written: str) -> bool:
    """Whether a path leads to another machine: `\\\\host\\share`, `//host/share`, an address."""
    return written.replace("\\", "/").startswith("//") or "://" in written


def _is_recorded(folder: Path) -> bool:
    """Whether it is a run's or a study's folder, whole or with parts left out by whoever hands it over."""
    if (folder / "study.json").is_file() and (folder / "study").is_dir():
        return True
    has_parts = any((folder / name).exists() for name in ("manifest.json", "checkpoints", CODE_FOLDER))
    return has_parts and (folder / "experiment.toml").is_file()


def _python_files(folder: Path) -> Iterator[Path]:
    """Python files below a folder, no deeper than three levels, not in run folders, hidden ones and environments."""
    for place, folders, names in os.walk(folder):
        depth = len(Path(place).relative_to(folder).parts)
        below = [Path(place, name) for name in sorted(folders) if depth < 3 and name[0] != "."]
        kept = [one for one in below if not (one / "pyvenv.cfg").exists() and not _is_recorded(one)]
        folders[:] = [one.name for one in kept]
        yield from (Path(place, name) for name in names if name.endswith(".py"))
