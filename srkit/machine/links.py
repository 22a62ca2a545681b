"""Links inside a folder that srkit writes into: whoever made them would choose where the writing goes."""

from __future__ import annotations

import os
import stat
from collections.abc import Iterator
from pathlib import Path

from srkit.errors import UserError

__all__ = ["is_link", "require_no_links"]


def require_no_links(folder: Path) -> None:
    """Refuse a run's, a study's or a set's folder with a link in it before anything is written there.

    The path to the folder may lead through links, and the folder may be one itself.

    Raises:
        UserError: naming the link, where it leads and the way out.
    """
    link = next(_links(folder), None) if folder.is_dir() else None
    if link is not None:
        try:
            target = f" to {link.readlink()}"
        except OSError:
            target = ""
        raise UserError(
            f"{link} is a link{target}: nothing is written into a folder that holds links, for it would be written "
            f"elsewhere. Put the files themselves there, or choose another folder"
        )


def is_link(path: Path) -> bool:
    """Whether it is a symbolic link, or a junction of Windows."""
    try:
        about = path.lstat()
    except OSError:
        return False
    junction = getattr(stat, "IO_REPARSE_TAG_MOUNT_POINT", None)
    return stat.S_ISLNK(about.st_mode) or (junction is not None and getattr(about, "st_reparse_tag", 0) == junction)


def _links(folder: Path) -> Iterator[Path]:
    for place, folders, files in os.walk(folder):  # which follows no link
        for name in sorted([*folders, *files]):
            if is_link(Path(place, name)):
                yield Path(place, name)
        folders[:] = [name for name in folders if not is_link(Path(place, name))]
