"""The content of data files as SHA-256, taken where they are decoded, so that nothing is read a second time for it."""

from __future__ import annotations

import hashlib
import os
import stat
from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any

import numpy as np

from srkit.errors import BadImage

__all__ = ["FileDigest", "digest_of", "note_digest", "noted_digests", "sample_digest"]


@dataclass(frozen=True)
class FileDigest:
    """What a file held, and what tells that it has not changed since.

    Attributes:
        sha256: of its content, in hexadecimal digits.
        size: in bytes.
        mtime_ns: when it was last modified, in nanoseconds.
    """

    sha256: str
    size: int
    mtime_ns: int


_noted: ContextVar[dict[str, FileDigest] | None] = ContextVar("noted digests", default=None)


@contextmanager
def noted_digests() -> Iterator[dict[str, FileDigest]]:
    """While inside, in this thread: the digest of every file that is decoded, by its path."""
    found: dict[str, FileDigest] = {}
    token = _noted.set(found)
    try:
        yield found
    finally:
        _noted.reset(token)


def note_digest(path: Path | str, file: IO[Any]) -> None:
    """Tell `noted_digests` of a file that was decoded; where nobody asks, nothing is read.

    Args:
        path: what the file was called.
        file: the open file itself: its name may lead to another one by now.
    """
    found = _noted.get()
    if found is not None:
        found[str(Path(path))] = _digest(file)


def digest_of(path: Path) -> FileDigest:
    """A file's digest, read now.

    Raises:
        BadImage: it is not there, no regular file, or cannot be read.
    """
    try:
        # Asked before opening: to open a named pipe would wait for a writer forever.
        if not stat.S_ISREG(path.stat().st_mode):
            raise BadImage(path, "is not a regular file")
        with path.open("rb") as file:
            return _digest(file)
    except OSError as error:
        raise BadImage(path, f"cannot be read ({error.strerror or error})") from None


def sample_digest(image: np.ndarray) -> str:
    """The SHA-256 of an image that comes from no file: of its shape and its values."""
    digest = hashlib.sha256(f"{image.shape}".encode())
    digest.update(np.ascontiguousarray(image).data)
    return digest.hexdigest()


def _digest(file: Any) -> FileDigest:  # IO has no readinto, which hashlib asks for
    status = os.fstat(file.fileno())
    file.seek(0)
    sha256 = hashlib.file_digest(file, "sha256").hexdigest()
    return FileDigest(sha256, status.st_size, status.st_mtime_ns)
