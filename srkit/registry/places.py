"""Where installed packages are looked for: the import path without the folder one happens to stand in."""

from __future__ import annotations

import os
import site
import sys
import sysconfig
from pathlib import Path

__all__ = ["site_path"]


def site_path() -> list[str]:
    """`sys.path` without the current folder, which holds whatever somebody sent.

    It stays where packages are installed into it or an editable install has put it there, and so does all the rest,
    `PYTHONPATH` included.
    """
    try:
        here = os.path.realpath(Path.cwd())
    except OSError:  # it was deleted
        return [one for one in sys.path if one]
    others = [one for one in sys.path if one and os.path.realpath(one) != here]
    if len(others) == len(sys.path) or here not in _installed_to():
        return others
    return [one for one in sys.path if one]


def _installed_to() -> set[str]:
    """The folders of the standard library and of installed packages, and those that their `.pth` files add."""
    folders = [*sysconfig.get_paths().values(), *getattr(site, "getsitepackages", list)()]
    if user := getattr(site, "getusersitepackages", None):
        folders.append(user())
    added = [line for folder in folders for file in sorted(Path(folder).glob("*.pth")) for line in _lines(file)]
    return {os.path.realpath(one) for one in (*folders, *added)}


def _lines(file: Path) -> list[str]:
    try:
        lines = file.read_text(encoding="utf-8", errors="replace").splitlines()
    except OSError:
        return []
    named = (line.strip() for line in lines if line.strip() and not line.startswith(("#", "import ", "import\t")))
    return [str(file.parent / line) for line in named]
