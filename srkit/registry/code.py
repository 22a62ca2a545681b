"""A folder of code as one hash: what a run's own copies are known by."""

from __future__ import annotations

import hashlib
import os
from pathlib import Path

__all__ = ["code_digest"]


def code_digest(folder: Path) -> str:
    """The sha256 of everything below a folder: each file's relative name, length and content, in sorted order.

    Links are no part of a folder of code: one is hashed as the text it holds, so that it never equals the file behind
    it. A folder that is absent or empty has the hash of nothing.
    """
    digest = hashlib.sha256()
    for path in sorted(_below(folder), key=lambda one: one.relative_to(folder).as_posix()):
        is_link = path.is_symlink()
        # what is neither a file nor a link, such as a named pipe, would be waited for: it has a name alone
        content = os.fsencode(path.readlink()) if is_link else path.read_bytes() if path.is_file() else b""
        name = path.relative_to(folder).as_posix().encode("utf-8", "surrogateescape")
        digest.update(b"%s %d %d\0" % (b"link" if is_link else b"file", len(name), len(content)))
        digest.update(name + content)
    return digest.hexdigest()


def _below(folder: Path) -> list[Path]:
    found = []
    for place, folders, names in os.walk(folder):
        links = [name for name in folders if Path(place, name).is_symlink()]
        found += [Path(place, name) for name in (*names, *links)]
    return found
