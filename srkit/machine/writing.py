"""Files and folders that appear whole or not at all: written aside in the same folder, then renamed into place."""

from __future__ import annotations

import os
import re
import secrets
import shutil
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import IO

from srkit.errors import UserError
from srkit.locks import take_lock

__all__ = ["PART", "append_to", "folder_aside", "placed", "write_aside", "write_durably"]

PART = re.compile(r"\.srkit-[0-9a-f]{16}\.part")
"""What is still being written; the dot keeps datasets from taking it for an image."""

ABANDONED = 3600.0
"""Seconds after which what no process holds was left by one that was killed."""

PAUSES = 20
"""How often a file that somebody reads at this moment is tried to be replaced again, on Windows."""

_next_look: dict[str, float] = {}
"""When a folder is looked at again for what was left there; a large one less often."""


@contextmanager
def placed(path: Path) -> Iterator[Path]:
    """As `write_aside`; what goes wrong is said as an error of the user's, with the path.

    Raises:
        UserError: the folder is missing or read-only, or the disk is full.
    """
    try:
        with write_aside(path) as aside:
            yield aside
    except OSError as error:
        raise UserError(f"{path}: cannot be written ({error.strerror or error})") from error


@contextmanager
def write_aside(path: Path, folder: Path | None = None) -> Iterator[Path]:
    """Gives a path to write to; when the block ends well, that file takes the place of `path` in one step.

    The name aside does not grow with the target's, and it is made exclusively: nothing that lies there, a link least of
    all, is written through. After an error nothing is left behind and what stood at `path` stays.

    Args:
        path: the file.
        folder: where it is written meanwhile, on the same disk; by default in the folder of `path`.

    Raises:
        OSError: as the system says it.
    """
    aside = _new_name(folder or path.parent)
    handle = os.open(aside, os.O_RDWR | os.O_CREAT | os.O_EXCL | getattr(os, "O_NOFOLLOW", 0), 0o666)
    try:
        try:
            # Windows would lock writers out; there a file that is open cannot be removed anyway
            if os.name != "nt":
                take_lock(handle)
            else:
                os.close(handle)
            yield aside
            _replace(aside, path)
        finally:
            if os.name != "nt":
                os.close(handle)
    except BaseException:
        with suppress(OSError):  # the reason why writing failed is the one to tell
            aside.unlink(missing_ok=True)
        raise


def write_durably(path: Path, text: str) -> None:
    """Write a text aside, make sure it is on disk, rename it into place.

    Raises:
        OSError: as the system says it.
    """
    with write_aside(path) as aside, aside.open("w", encoding="utf-8", newline="\n") as file:
        file.write(text)
        file.flush()
        os.fsync(file.fileno())


@contextmanager
def folder_aside(parent: Path) -> Iterator[Path]:
    """A new folder to write into, which the block renames into place; else it goes again.

    Raises:
        OSError: as the system says it.
    """
    aside = _new_name(parent)
    aside.mkdir(parents=True)
    try:
        yield aside
    finally:
        if aside.exists():
            shutil.rmtree(aside, ignore_errors=True)


def append_to(path: Path) -> IO[str]:
    """A text file opened to be added to; never one that a link leads to.

    Raises:
        OSError: as the system says it.
    """

    def opened(name: str, flags: int) -> int:
        return os.open(name, flags | getattr(os, "O_NOFOLLOW", 0), 0o666)

    return open(path, "a", encoding="utf-8", newline="\n", opener=opened)  # Path.open takes no opener


def _new_name(folder: Path) -> Path:
    _clear_abandoned(folder)
    return folder / f".srkit-{secrets.token_hex(8)}.part"


def _replace(aside: Path, path: Path) -> None:
    for _ in range(PAUSES if os.name == "nt" else 0):
        with suppress(PermissionError):
            aside.replace(path)
            return
        time.sleep(0.05)
    aside.replace(path)


def _clear_abandoned(folder: Path) -> None:
    """Remove what killed processes left; however many files there are, that takes a twentieth of the time at most."""
    key, began = str(folder), time.monotonic()
    if began < _next_look.get(key, 0.0):
        return
    with suppress(OSError):
        with os.scandir(folder) as entries:
            found = [Path(one.path) for one in entries if PART.fullmatch(one.name)]
        for one in found:
            with suppress(OSError):
                _remove_abandoned(one)
    ended = time.monotonic()
    _next_look[key] = ended + 20 * (ended - began)


def _remove_abandoned(path: Path) -> None:
    about = path.lstat()
    if time.time() - about.st_mtime < ABANDONED:
        return
    if path.is_dir() and not path.is_symlink():
        shutil.rmtree(path)
        return
    if not path.is_symlink() and os.name != "nt":
        handle = os.open(path, os.O_RDWR | os.O_NOFOLLOW)
        try:
            if not take_lock(handle):
                return
        finally:
            os.close(handle)
    path.unlink()
