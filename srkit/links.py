"""Links inside folders that are written into: found, named, and never followed."""

from __future__ import annotations

import os
import shutil
import stat
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from typing import IO, Any

from srkit.errors import UserError
from srkit.plain_files import open_descriptor

__all__ = ["folder_inside", "is_link", "odd_in", "open_no_follow", "refuse_links", "remove_folder", "text_no_follow"]

NO_FOLLOW = getattr(os, "O_NOFOLLOW", 0)
"""Windows knows no such flag; there a file is looked at before it is opened."""

NAME_SURROGATE = 0x20000000
"""The bit of a Windows reparse tag that says: this name stands for another one (symbolic links, junctions)."""

NAMED = 3
"""How many links a message names."""

OTHERS = ("wandb",)
"""Folders inside of runs that trackers keep, with links of their own: srkit writes nothing there."""


def is_link(path: Path) -> bool:
    """Whether a path itself is a symbolic link or a Windows junction; the folders above it may be."""
    try:
        return _stands_for_another(path.lstat())
    except (OSError, ValueError):
        return False


def odd_in(folder: Path) -> Iterator[Path]:
    """Everything below a folder that is neither a file nor a folder of its own: links first of all, pipes and devices.

    The folder itself may be a link, and nothing below it is entered through one. What vanishes meanwhile is left out.
    """
    waiting = [folder]
    while waiting:
        with suppress(FileNotFoundError, NotADirectoryError), os.scandir(waiting.pop()) as entries:
            for entry in sorted(entries, key=lambda one: one.name):
                try:
                    status = entry.stat(follow_symlinks=False)
                except FileNotFoundError:
                    continue
                if _stands_for_another(status) or not (stat.S_ISREG(status.st_mode) or stat.S_ISDIR(status.st_mode)):
                    yield Path(entry.path)
                elif stat.S_ISDIR(status.st_mode):
                    waiting.append(Path(entry.path))


def refuse_links(folder: Path) -> None:
    """Refuse to write into a folder that has links inside; called before anything in it is changed.

    The path to the folder, and the folder itself, may lead through links.

    Raises:
        UserError: naming what is there and where it leads; or the folder cannot be looked through.
    """
    try:
        found = [one for one in odd_in(folder) if not set(OTHERS).intersection(one.relative_to(folder).parts[:-1])]
    except OSError as error:
        raise UserError(f"{error.filename or folder}: cannot be looked at ({error.strerror or error})") from None
    if not found:
        return
    more = f" (and {len(found) - NAMED} more)" if len(found) > NAMED else ""
    raise UserError(
        f"{folder} cannot be written into: {', '.join(map(_named, found[:NAMED]))}{more}, and nothing is written "
        "through links inside a folder of srkit's. Remove them, or put copies of what they lead to in their place"
    )


def open_no_follow(path: Path, mode: str, **how: Any) -> IO[Any]:
    """`path.open`, which never opens what a link leads to.

    Raises:
        UserError: the path is a link.
        OSError: as `path.open`.
    """
    if not NO_FOLLOW and is_link(path):
        raise _refusal(path)
    try:
        return open(path, mode, opener=_opened, **how)  # pathlib's own takes no opener
    except OSError:
        if is_link(path):
            raise _refusal(path) from None
        raise


def text_no_follow(path: Path) -> str:
    """A file's text in UTF-8, read from the file itself and not through a link.

    Raises:
        UserError: the path is a link.
        OSError, UnicodeDecodeError: it cannot be read.
    """
    with open_no_follow(path, "r", encoding="utf-8") as file:
        return str(file.read())


def folder_inside(root: Path, *names: str) -> Path:
    """A folder below another, made where it is missing; `root` may be a link, what is below it not.

    Raises:
        UserError: a link is in the way.
        OSError: it cannot be made.
    """
    if not root.is_dir():
        root.mkdir(parents=True, exist_ok=True)
    for name in names:
        root = root / name
        if is_link(root):
            raise _refusal(root)
        if not root.is_dir():
            root.mkdir(exist_ok=True)
    return root


def remove_folder(folder: Path) -> None:
    """Delete a folder with all that is in it; links inside go, what they lead to stays.

    Raises:
        UserError: the folder is a link.
        OSError: it cannot be deleted.
    """
    if is_link(folder):
        raise _refusal(folder)
    shutil.rmtree(folder)


def _opened(path: str, flags: int) -> int:
    return open_descriptor(path, flags | NO_FOLLOW)


def _refusal(path: Path) -> UserError:
    return UserError(
        f"{_named(path)}, and nothing is written through links inside a folder of srkit's. "
        "Remove it, or put a copy of what it leads to in its place"
    )


def _named(path: Path) -> str:
    try:
        return f"{path} is a link to {path.readlink()}"
    except (OSError, ValueError):
        return f"{path} is a link" if is_link(path) else f"{path} is neither a file nor a folder"


def _stands_for_another(status: os.stat_result) -> bool:
    return stat.S_ISLNK(status.st_mode) or bool(getattr(status, "st_reparse_tag", 0) & NAME_SURROGATE)
