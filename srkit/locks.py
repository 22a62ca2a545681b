"""A file that one process at a time can hold; the system lets go of it when that process ends, however it does."""

from __future__ import annotations

import errno
import os
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from srkit.errors import UserError
from srkit.links import NO_FOLLOW, open_no_follow

__all__ = ["held", "is_held", "take"]

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
        UserError: another process holds it, or it is a link.
    """
    until = time.monotonic() + patience
    with open_no_follow(path, "a+b") as file:
        while not take(file.fileno()):
            if time.monotonic() >= until:
                raise UserError(why_not)
            time.sleep(PAUSE)
        yield


def is_held(path: Path) -> bool:
    """Whether some process holds a file, or (not on Windows) a folder, at this moment."""
    try:
        descriptor = os.open(path, os.O_RDONLY | NO_FOLLOW)
    except OSError:
        return False  # nobody ever held it
    try:
        return not take(descriptor, to_look=True)
    finally:
        os.close(descriptor)


def take(descriptor: int, to_look: bool = False) -> bool:
    """Take what is open without waiting, until it is closed; False where another process has it.

    Those who only look share it, but on Windows.
    """
    try:
        if os.name == "nt":
            import msvcrt

            os.lseek(descriptor, 0, os.SEEK_SET)
            msvcrt.locking(descriptor, msvcrt.LK_NBLCK, 1)  # type: ignore[attr-defined]  # exists on Windows alone
        else:
            import fcntl

            fcntl.flock(descriptor, (fcntl.LOCK_SH if to_look else fcntl.LOCK_EX) | fcntl.LOCK_NB)
    except OSError as error:
        return error.errno not in ELSEWHERE
    return True
