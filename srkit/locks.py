"""A file that one process at a time can hold; the system lets go of it when that process ends, however it does."""

from __future__ import annotations

import errno
import os
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO

from srkit.errors import UserError

__all__ = ["held", "is_held"]

PAUSE = 0.02
A_LOOK = 0.5
"""Seconds: `is_held` takes a file for an instant; whoever wants to hold it just then is not refused for that."""

ELSEWHERE = (errno.EACCES, errno.EAGAIN, errno.EDEADLK)
"""What the system answers where another process holds the file; anything else means that it knows no locks there."""


@contextmanager
def held(path: Path, why_not: str, patience: float = A_LOOK) -> Iterator[None]:
    """Hold a file, which is made where it is missing. Where the file system knows no locks, nothing is held.

    Args:
        path: in a folder that exists.
        why_not: what is said where another process holds it.
        patience: seconds to wait for that one to let go; enough for one that only looks, where nothing is said.

    Raises:
        UserError: another process holds it.
    """
    until = time.monotonic() + patience
    with path.open("a+b") as file:
        while not _taken(file):
            if time.monotonic() >= until:
                raise UserError(why_not)
            time.sleep(PAUSE)
        yield


def is_held(path: Path) -> bool:
    """Whether some process holds a file at this moment."""
    try:
        with path.open("rb") as file:
            return not _taken(file, to_look=True)
    except OSError:
        return False  # nobody ever held it


def _taken(file: IO[bytes], to_look: bool = False) -> bool:
    """Take a file without waiting; False where another process has it. Those who only look share it, but on Windows."""
    try:
        if os.name == "nt":
            import msvcrt

            file.seek(0)
            msvcrt.locking(file.fileno(), msvcrt.LK_NBLCK, 1)  # type: ignore[attr-defined]  # exists on Windows alone
        else:
            import fcntl

            fcntl.flock(file, (fcntl.LOCK_SH if to_look else fcntl.LOCK_EX) | fcntl.LOCK_NB)
    except OSError as error:
        return error.errno not in ELSEWHERE
    return True
