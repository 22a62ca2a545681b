"""What has been decided and written so far, a line each, so that a run that was killed goes on where it was."""

from __future__ import annotations

from contextlib import AbstractContextManager
from dataclasses import dataclass
from pathlib import Path

import msgspec

from srkit.errors import UserError
from srkit.links import open_no_follow
from srkit.locks import held
from srkit.preparing.places import Place


@dataclass(frozen=True)
class Decided:
    """What becomes of a photo; written before any of its patches, and in the order of the photos.

    Attributes:
        job: the photo's number.
        outcome: "cut", "flat", "duplicate" or "broken".
        why: what is wrong with it, or the name of the photo that it looks like.
        hash: its perceptual hash.
        sha256: of its file.
        size: (width, height) of its patches.
        places: of the patches that are written.
        flat: patches dropped.
    """

    job: int
    outcome: str
    why: str
    hash: str
    sha256: str
    size: tuple[int, int]
    places: tuple[Place, ...]
    flat: int


@dataclass(frozen=True)
class Written:
    """All patches of a photo are in place.

    Attributes:
        job: the photo's number.
        checks: of each patch as it was written: the first 16 hexadecimal digits of its SHA-256.
    """

    job: int
    checks: tuple[str, ...]


@dataclass(frozen=True)
class _Line:
    decided: Decided | None = None
    written: Written | None = None


class Journal:
    """An append-only file of lines.

    Args:
        path: the file; begun where it is missing. A last line that was cut short by a kill is dropped.
    """

    def __init__(self, path: Path) -> None:
        self.decided: list[Decided] = []
        self.written: dict[int, Written] = {}
        self._file = open_no_follow(path, "a+b")
        self._file.seek(0)
        sound = 0
        for line in self._file:
            if not line.endswith(b"\n"):
                break
            self._take(self._parsed(line, path))
            sound += len(line)
        self._file.truncate(sound)

    def add(self, entry: Decided | Written) -> None:
        """Note it, on disk before anything follows from it."""
        line = _Line(decided=entry) if isinstance(entry, Decided) else _Line(written=entry)
        self._file.write(msgspec.json.encode(line) + b"\n")
        self._file.flush()
        self._take(line)

    def close(self) -> None:
        self._file.close()

    def _take(self, line: _Line) -> None:
        if line.decided is not None:
            self.decided.append(line.decided)
        if line.written is not None:
            self.written[line.written.job] = line.written

    @staticmethod
    def _parsed(line: bytes, path: Path) -> _Line:
        try:
            return msgspec.json.decode(line, type=_Line)
        except (msgspec.MsgspecError, RecursionError) as error:
            raise UserError(f"{path}: damaged ({error}); choose another --out and begin anew") from None


def locked(path: Path) -> AbstractContextManager[None]:
    """Keep a second run out of the folder; the system lets go of the lock when this process ends, however it does.

    Raises:
        UserError: another run holds it.
    """
    return held(path, f"{path.parent.parent} is being prepared by another srkit right now")
