"""Files and folders that appear whole or not at all: written aside beside their place, then renamed into it."""

from __future__ import annotations

import os
import re
import secrets
import shutil
import stat
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from srkit.errors import UserError
from srkit.links import NO_FOLLOW, is_link, open_no_follow
from srkit.locks import is_held, take

__all__ = ["file_aside", "folder_aside", "is_left_over", "place_bytes", "placed", "renamed_into", "tidy"]

_NAME = re.compile(r"\.srkit-[0-9a-f]{16}\.part")

LEFT_AFTER, LEFT_SOON = 3600.0, 2.0
"""Seconds after which what nobody holds was left by a process that was killed: where the file system knows no locks,
and where it does, so that whoever writes is seen to hold it."""

MANY, NOT_BEFORE = 1000, 60.0
"""A folder with more entries is looked through for leftovers again after so many seconds; any other at each write."""

_next_look: dict[Path, float] = {}
"""When large folders are looked through again, by their path."""


@contextmanager
def placed(path: Path) -> Iterator[Path]:
    """Gives a path to write to; when the block ends well, that file takes the place of `path` in one step.

    The name aside begins with a dot, so that a dataset of the folder never picks up a half-written image, and holds
    nothing of the target's, which may be as long as names can be. After an error nothing is left behind and what stood
    at `path` stays. A link at `path` is replaced, not followed.

    Raises:
        UserError: the folder is missing or read-only, or the disk is full; names the path.
    """
    try:
        with renamed_into(path) as aside:
            yield aside
    except OSError as error:
        raise UserError(f"{path}: cannot be written ({error.strerror or error})") from error


@contextmanager
def renamed_into(path: Path, beside: Path | None = None) -> Iterator[Path]:
    """As `placed`, with the system's own errors.

    Args:
        beside: the folder to write aside in, on the same disk; by default that of `path`.
    """
    with file_aside(beside or path.parent) as aside:
        yield aside
        _rename(aside, path)


def place_bytes(path: Path, content: bytes) -> None:
    """Put a file in place in one step, on disk before this returns.

    Raises:
        OSError: it cannot be written; what stood there stays.
    """
    with renamed_into(path) as aside, open_no_follow(aside, "r+b") as file:
        file.write(content)
        file.flush()
        os.fsync(file.fileno())


@contextmanager
def file_aside(folder: Path) -> Iterator[Path]:
    """A new empty file to write to and rename within the block; what is left of it then goes.

    It is held meanwhile, so that no other process takes it for a leftover. The next writer in the folder deletes those
    that a process left which was killed.
    """
    aside = _unused(folder)
    descriptor = os.open(aside, os.O_RDWR | os.O_CREAT | os.O_EXCL | NO_FOLLOW, 0o666)
    try:
        if os.name == "nt":
            os.close(descriptor)  # an open file cannot be renamed there
        else:
            take(descriptor)
        _tidy_beside(aside)
        yield aside
    finally:
        with suppress(OSError):  # the first error is the one to tell
            aside.unlink(missing_ok=True)
        if os.name != "nt":
            os.close(descriptor)


@contextmanager
def folder_aside(folder: Path) -> Iterator[Path]:
    """A new empty folder to fill and rename within the block; as `file_aside` else."""
    aside = _unused(folder)
    aside.mkdir()
    descriptor = os.open(aside, os.O_RDONLY | NO_FOLLOW) if os.name != "nt" else None
    try:
        if descriptor is not None:
            take(descriptor)
        _tidy_beside(aside)
        yield aside
    finally:
        if aside.exists():
            shutil.rmtree(aside, ignore_errors=True)
        if descriptor is not None:
            os.close(descriptor)


def is_left_over(name: str) -> bool:
    """Whether a file or folder is called as what is written aside: nothing that counts."""
    return _NAME.fullmatch(name) is not None


def _unused(folder: Path) -> Path:
    return folder / f".srkit-{secrets.token_hex(8)}.part"


def _rename(aside: Path, path: Path) -> None:
    for _ in range(20 if os.name == "nt" else 0):  # there a file that somebody reads at this moment cannot be replaced
        with suppress(PermissionError):
            aside.replace(path)
            return
        time.sleep(0.05)
    aside.replace(path)


def _tidy_beside(aside: Path) -> None:
    tidy(aside.parent, LEFT_SOON if os.name != "nt" and is_held(aside) else LEFT_AFTER)


def tidy(folder: Path, after: float = LEFT_AFTER) -> None:
    """Delete what was left in a folder by processes that were killed, as far as that can be done.

    Args:
        after: seconds; 0 where nobody else can be writing there, because this process holds the folder.
    """
    if after and time.monotonic() < _next_look.get(folder, 0.0):
        return
    try:
        with os.scandir(folder) as entries:
            names = [entry.name for entry in entries]
    except OSError:
        return  # writing there says what is the matter
    for name in filter(is_left_over, names):
        with suppress(OSError):
            _delete_left_over(folder / name, after)
    if len(names) > MANY:
        _next_look[folder] = time.monotonic() + NOT_BEFORE


def _delete_left_over(path: Path, after: float) -> None:
    status = path.lstat()
    if time.time() - status.st_mtime < after:
        return
    if is_link(path):
        path.unlink()  # the link itself
    elif (stat.S_ISREG(status.st_mode) or stat.S_ISDIR(status.st_mode)) and not is_held(path):
        shutil.rmtree(path) if stat.S_ISDIR(status.st_mode) else path.unlink()
