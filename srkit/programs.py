"""Other programs that srkit starts: found where the system keeps them, never in the folder one stands in."""

from __future__ import annotations

import os
import sys
from pathlib import Path

__all__ = ["find_program"]


def find_program(name: str) -> str | None:
    """The absolute path of a program on `PATH`; None where there is none.

    `shutil.which` is left aside: it takes relative entries of `PATH`, and on Windows looks into the current folder
    before all others, where whoever sent a folder of images may have put a `git.exe`.
    """
    here = Path.cwd()
    endings = os.environ.get("PATHEXT", ".EXE").split(os.pathsep) if sys.platform == "win32" else [""]
    for entry in os.environ.get("PATH", os.defpath).split(os.pathsep):
        folder = Path(entry)
        if not folder.is_absolute() or _is_same(folder, here):
            continue
        for ending in endings:
            program = folder / f"{name}{ending}"
            if program.is_file() and os.access(program, os.X_OK):
                return str(program)
    return None


def _is_same(one: Path, other: Path) -> bool:
    try:
        return one.samefile(other)
    except OSError:
        return False
