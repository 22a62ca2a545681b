"""A file that one process at a time can hold; the system lets go of it when that process ends, however it does."""

from __future__ import annotations

import errno
import os
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from srkit.errors import UserError

__all__ = ["held", "is_held", "take_lock"]

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
    with open(path, "a+b", opener=_own) as file:  # Path.open takes no opener
        while not take_lock(file.fileno()):
            if time.monotonic() >= until:
                raise UserError(why_not)
            time.sleep(PAUSE)
        yield


def is_held(path: Path) -> bool:
    """Whether some process holds a file at this moment."""
    try:
        with path.open("rb") as file:
            return not take_lock(file.fileno(), to_look=True)
    except OSError:
        return False  # nobody ever held it


def take_lock(handle: int, to_look: bool = False) -> bool:
    """Take an open file without waiting; False where another process has it. Those who only look share it, but on
    Windows."""
    try:
        if os.name == "nt":
            import msvcrt

            os.lseek(handle, 0, os.SEEK_SET)
            msvcrt.locking(handle, msvcrt.LK_NBLCK, 1)  # type: ignore[attr-defined]  # exists on Windows alone
        else:
            import fcntl

            fcntl.flock(handle, (fcntl.LOCK_SH if to_look else fcntl.LOCK_EX) | fcntl.LOCK_NB)
    except OSError as error:
        return error.errno not in ELSEWHERE
    return True


def _own(name: str, flags: int) -> int:
    """Open a file, but not one that a link leads to."""
    return os.open(name, flags | getattr(os, "O_NOFOLLOW", 0), 0o666)
