"""Where installed packages lie: Python's search path without the current folder."""

from __future__ import annotations

import os
import site
import sys
import sysconfig
from collections.abc import Iterator
from pathlib import Path

__all__ = ["site_path"]


def site_path(*, with_pythonpath: bool = True) -> list[str]:
    """The folders of `sys.path` in which packages are installed, in order.

    The current folder is none, unless packages are installed there or a project is installed in place there.

    Args:
        with_pythonpath: whether the folders that `PYTHONPATH` names count.
    """
    try:
        here = os.path.realpath(Path.cwd())
    except OSError:  # it was deleted
        return [one for one in sys.path if Path(one).is_absolute()]
    named = {os.path.realpath(one) for one in os.environ.get("PYTHONPATH", "").split(os.pathsep) if one}
    installed = set(_installed())
    found = []
    for entry in sys.path:
        real, is_absolute = os.path.realpath(entry or os.curdir), Path(entry).is_absolute()
        is_extra = not is_absolute or real == here or (real in named and not with_pythonpath)
        if not is_extra or (is_absolute and real in installed):
            found.append(entry)
    return found


def _installed() -> Iterator[str]:
    """The interpreter's folders of packages, and those that their `.pth` files add."""
    folders = [*sysconfig.get_paths().values(), *site.getsitepackages(), site.getusersitepackages()]
    for folder in folders:
        yield os.path.realpath(folder)
        for pth in Path(folder).glob("*.pth"):
            try:
                lines = pth.read_text(encoding="utf-8").splitlines()
            except (OSError, ValueError):
                continue
            yield from (os.path.realpath(os.path.join(folder, line)) for line in lines if line and line[0] != "#")  # noqa: PTH118  # joins absolute lines as site does
