"""Files that somebody handed over: read where they are files, and neither waited for nor read without end otherwise."""

from __future__ import annotations

import errno
import os
import stat
from io import BufferedReader
from pathlib import Path

__all__ = ["open_descriptor", "open_plain", "plain_bytes", "plain_text"]

NO_WAITING = getattr(os, "O_NONBLOCK", 0)
"""A named pipe is opened at once, though nobody writes into it. Windows has none among its files."""


def plain_bytes(path: Path) -> bytes:
    """What a regular file holds.

    Raises:
        OSError: it cannot be read, or is a folder, a named pipe, a device.
    """
    with open_plain(path) as file:
        return file.read()


def plain_text(path: Path, encoding: str = "utf-8") -> str:
    """The text of a regular file.

    Raises:
        OSError: it cannot be read, or is a folder, a named pipe, a device.
        UnicodeDecodeError: it is no text of this encoding.
    """
    with open(path, encoding=encoding, opener=open_descriptor) as file:
        return file.read()


def open_plain(path: Path) -> BufferedReader:
    """`path.open("rb")`, of regular files alone; through a link too.

    Raises:
        OSError: it cannot be read, or is a folder, a named pipe, a device.
    """
    return open(path, "rb", opener=open_descriptor)  # pathlib's own takes no opener


def open_descriptor(path: str, flags: int) -> int:
    """`os.open`, of regular files alone."""
    descriptor = os.open(path, flags | NO_WAITING, 0o666)
    kind = os.fstat(descriptor).st_mode
    if stat.S_ISREG(kind):
        return descriptor
    os.close(descriptor)
    if stat.S_ISDIR(kind):
        raise OSError(errno.EISDIR, os.strerror(errno.EISDIR), path)
    raise OSError(errno.EINVAL, "it is not a regular file", path)
