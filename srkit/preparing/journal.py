"""What has been decided and written so far, a line each, so that a run that was killed goes on where it was."""

from __future__ import annotations

import re
from contextlib import AbstractContextManager
from dataclasses import dataclass
from pathlib import Path

import msgspec

from srkit.errors import UserError
from srkit.links import open_no_follow
from srkit.locks import held
from srkit.preparing.places import Place
from srkit.preparing.plan import Plan


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


OUTCOMES = ("cut", "flat", "duplicate", "broken")
_HASH, _CHECK = re.compile(r"(?:[0-9a-f]{64})?"), re.compile(r"[0-9a-f]{16}")


class Journal:
    """An append-only file of lines.

    Args:
        path: the file; begun where it is missing. A last line that was cut short by a kill is dropped.
    """

    def __init__(self, path: Path) -> None:
        self._path = path
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

    def require_fitting(self, plan: Plan) -> None:
        """Refuse lines that no run of this plan writes: what follows from them is where bytes are put.

        Raises:
            UserError: naming the file.
        """
        sound = all(
            number < len(plan.jobs) and one.job == number and _fits(one, plan)
            for number, one in enumerate(self.decided)
        )
        for one in self.written.values():
            sound = sound and 0 <= one.job < len(self.decided)
            sound = sound and len(one.checks) == len(self.decided[one.job].places)
            sound = sound and all(_CHECK.fullmatch(check) for check in one.checks)
        if not sound:
            raise UserError(
                f"{self._path}: damaged (lines that do not fit the plan); choose another --out and begin anew"
            )

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


def _fits(one: Decided, plan: Plan) -> bool:
    if one.outcome not in OUTCOMES or _HASH.fullmatch(one.hash) is None:
        return False
    if one.outcome != "cut":
        return not one.places
    job, side = plan.jobs[one.job], plan.settings.patch_size
    largest = max(job.photo.width, job.photo.height)
    known_size = one.size == (side, side) if side is not None else all(0 < length <= largest for length in one.size)
    return known_size and 0 < len(one.places) <= plan.most_patches(job)


def locked(path: Path) -> AbstractContextManager[None]:
    """Keep a second run out of the folder; the system lets go of the lock when this process ends, however it does.

    Raises:
        UserError: another run holds it.
    """
    return held(path, f"{path.parent.parent} is being prepared by another srkit right now")
