"""A run's files on their way to a machine that does not see the study's folder, and back."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import Any

import tomli

from srkit.data.placing import placed
from srkit.errors import UserError
from srkit.links import folder_inside, open_no_follow

EXPERIMENT, RUN, LOG = "experiment", "run", "log.txt"
HERE_ALONE = (".lock", ".part", ".tmp")
"""Endings of what means something on the machine where it lies and nowhere else."""

Stamps = dict[str, tuple[int, int]]
"""A file's size and time of change, by its path in the run's folder."""


@dataclass(frozen=True)
class Parcel:
    """What a run begins with.

    Attributes:
        experiment: the experiment's file.
        out: the run's folder.
        files: the experiment, what it extends and its code, and what the run's folder holds already.
    """

    experiment: str
    out: str
    files: dict[str, bytes]

    @classmethod
    def of(cls, arguments: tuple[str, ...]) -> Parcel | None:
        """The files that a command needs and makes; None where it is no run into a folder."""
        if arguments[:1] != ("run",) or "--out" not in arguments[2:-1]:
            return None
        experiment, out = arguments[1], arguments[arguments.index("--out") + 1]
        files = {f"{EXPERIMENT}/{name}": content for name, content in _needed(Path(experiment)).items()}
        files |= {f"{RUN}/{name}": content for name, content in _read(Path(out)).items()}
        return cls(experiment, out, files)

    def unpack(self, place: Path, arguments: tuple[str, ...]) -> tuple[Path, tuple[str, ...]]:
        """Write the files; gives the log's place there, and the arguments with the paths as they are there."""
        for name, content in self.files.items():
            _write(self._there(place, name), content)
        paths = {
            self.experiment: str(place / EXPERIMENT / Path(self.experiment).name),
            self.out: str(self._there(place, RUN)),
        }
        return place / LOG, tuple(paths.get(one, one) for one in arguments)

    def _there(self, place: Path, name: str) -> Path:
        """A run is called by its folder, so that keeps its name."""
        kind, _, below = name.partition("/")
        return place / EXPERIMENT / below if kind == EXPERIMENT else place / RUN / Path(self.out).name / below


@dataclass(frozen=True)
class News:
    """What changed in a run's folder.

    Attributes:
        changed: files that are new or another, by their path.
        stamps: all files that are there.
        printed: what came to the log.
    """

    changed: dict[str, bytes]
    stamps: Stamps
    printed: bytes

    def apply(self, out: Path, known: Stamps, log: Path) -> None:
        """Make the study's folder like the run's, and add to its log.

        A file that was known and is no longer there goes, as old checkpoints do.
        """
        # a checkpoint counts once its state is there, so that comes last
        for name in sorted(self.changed, key=lambda one: one.endswith("state.json")):
            _write(_inside(out, name), self.changed[name])
        for name in known.keys() - self.stamps.keys():
            _inside(out, name).unlink(missing_ok=True)
            _remove_empty((out / name).parent, out)
        if self.printed:
            with open_no_follow(log, "ab") as file:
                file.write(self.printed)


def news_of(place: Path, known: Stamps, told: int) -> News:
    """What changed since `known`, and what was printed after `told` bytes."""
    run = next(iter((place / RUN).iterdir()), None) if (place / RUN).is_dir() else None
    changed, stamps = {}, {}
    for name, file in _files(run).items() if run is not None else ():
        try:
            at = file.stat()
            stamp = (at.st_size, at.st_mtime_ns)
            if known.get(name) != stamp:
                changed[name] = file.read_bytes()
        except FileNotFoundError:
            continue  # an old checkpoint, removed at this moment
        stamps[name] = stamp
    printed = (place / LOG).read_bytes()[told:] if (place / LOG).is_file() else b""
    return News(changed, stamps, printed)


def _needed(experiment: Path) -> dict[str, bytes]:
    """The experiment's file, those it extends and the code they name, by their path in its folder; nothing else."""
    folder, found = experiment.resolve().parent, {}
    waiting = [experiment.resolve()]
    while waiting:
        file = waiting.pop()
        if not file.is_relative_to(folder) or file.relative_to(folder).as_posix() in found or not file.is_file():
            continue
        found[file.relative_to(folder).as_posix()] = file.read_bytes()
        if file.suffix != ".py":
            waiting += [(file.parent / name).resolve() for name in _named(tomli.loads(file.read_text("utf-8")))]
    return found


def _named(table: Any) -> Iterator[str]:
    """The files that an experiment names as its base or as code."""
    for key, value in table.items() if isinstance(table, dict) else enumerate(table if isinstance(table, list) else ()):
        if isinstance(value, str):
            file, colon, _ = value.rpartition(":")
            yield from [file] if colon and file.endswith(".py") else [value] if key == "extends" else []
        else:
            yield from _named(value)


def _files(folder: Path) -> dict[str, Path]:
    """The files of a folder by their path in it, without those that are still written or mean nothing elsewhere."""
    found = {}
    for file in sorted(folder.rglob("*")):
        relative = file.relative_to(folder)
        if file.is_file() and not file.is_symlink() and not any(part.endswith(HERE_ALONE) for part in relative.parts):
            found[relative.as_posix()] = file
    return found


def _read(folder: Path) -> dict[str, bytes]:
    return {name: file.read_bytes() for name, file in _files(folder).items()}


def _inside(out: Path, name: str) -> Path:
    """The place of a file by its path in the run's folder, as another machine says it, below no link.

    Raises:
        UserError: the path leads elsewhere.
    """
    relative = PurePosixPath(name)
    if relative.is_absolute() or not relative.parts or {"..", ""} & set(relative.parts) or set("\\:") & set(name):
        raise UserError(f"{name!r} came back from a worker, and is no path in the run's folder {out}")
    return folder_inside(out, *relative.parts[:-1]) / relative.name


def _write(path: Path, content: bytes) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    with placed(path) as aside:
        aside.write_bytes(content)


def _remove_empty(folder: Path, above: Path) -> None:
    if folder != above and folder.is_dir() and not any(folder.iterdir()):
        shutil.rmtree(folder)
