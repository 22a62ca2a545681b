"""Other programs, found and started so that nothing of the current folder runs in their place."""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

__all__ = ["SAFE_PATH", "program", "safe_children"]

SAFE_PATH = "PYTHONSAFEPATH"
"""The variable that keeps the folder a Python is started in out of its search path, as its option `-P` does."""


def program(name: str) -> str | None:
    """The absolute path of a program in `PATH`; the current folder does not count, nor do relative entries."""
    here = Path.cwd()
    for folder in os.environ.get("PATH", "").split(os.pathsep):
        if folder and Path(folder).is_absolute() and Path(folder) != here:
            # with a folder in its name it is looked for there alone, on Windows too
            found = shutil.which(str(Path(folder) / name))
            if found is not None:
                return found
    return None


@contextmanager
def safe_children() -> Iterator[None]:
    """While inside, Python processes that are started do not import from the folder they are started in."""
    before = os.environ.get(SAFE_PATH)
    os.environ[SAFE_PATH] = "1"
    try:
        yield
    finally:
        if before is None:
            del os.environ[SAFE_PATH]
        else:
            os.environ[SAFE_PATH] = before
