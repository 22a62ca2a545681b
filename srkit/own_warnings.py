"""Which of Python's warnings a user reads: srkit's own sentences, and what concerns own code."""

from __future__ import annotations

import logging
import os
import sys
import sysconfig
import warnings
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import srkit
from srkit.errors import SrkitWarning, text_of
from srkit.printable import printable
from srkit.shared_state import SharedStateChanged

__all__ = ["DEBUG", "debugging", "own_warnings_alone"]

DEBUG = "SRKIT_DEBUG"


def debugging() -> bool:
    """Whether tracebacks and libraries' warnings are asked for."""
    return os.environ.get(DEBUG, "") not in ("", "0")


def _on_standard_error(text: str) -> None:
    print(printable(text), file=sys.stderr, flush=True)


@contextmanager
def own_warnings_alone(say: Callable[[str], None] = _on_standard_error) -> Iterator[None]:
    """While inside, libraries' warnings stay out of sight, in a worker's process as in the command's.

    Libraries warn their callers' authors, in words that mean nothing here, and name anybody's files; `SRKIT_DEBUG=1`
    shows them all. What they log goes the same way.

    Args:
        say: shows a sentence.
    """
    before, last_resort = warnings.showwarning, logging.lastResort

    def show(message: Warning | str, category: type[Warning], filename: str, lineno: int, *_: Any) -> None:
        if issubclass(category, (SrkitWarning, SharedStateChanged)):
            say(f"warning: {message}")
        elif not _is_installed(filename):
            say(f"warning: {filename}, line {lineno}: {' '.join(text_of(message).split())}")
        elif debugging():
            say(warnings.formatwarning(message, category, filename, lineno).rstrip("\n"))

    warnings.showwarning = show  # type: ignore[assignment]  # the last two arguments are never given here
    if not debugging():
        logging.lastResort = None
    try:
        yield
    finally:
        warnings.showwarning, logging.lastResort = before, last_resort


def _is_installed(filename: str) -> bool:
    """Whether code is Python's, a library's or srkit's, and not the user's."""
    if filename[:1] == "<":
        return True
    roots = [sysconfig.get_path(one) for one in ("stdlib", "platstdlib", "purelib", "platlib")]
    path = Path(filename).absolute()
    roots.append(str(Path(srkit.__file__).parent))
    return any(path.is_relative_to(root) for root in roots if root)
