"""How worker processes are started: deaf to Ctrl-C, and importing nothing from the folder one stands in."""

from __future__ import annotations

import os
import signal
import threading
from collections.abc import Iterator
from contextlib import contextmanager

__all__ = ["starting_processes", "without_interrupts", "without_the_current_folder"]

SAFE_PATH = "PYTHONSAFEPATH"


@contextmanager
def starting_processes() -> Iterator[None]:
    """Both of what follows."""
    with without_interrupts(), without_the_current_folder():
        yield


@contextmanager
def without_interrupts() -> Iterator[None]:
    """Processes started here are born deaf to Ctrl-C, also while they still import: the main process decides."""
    before = signal.getsignal(signal.SIGINT)
    if threading.current_thread() is not threading.main_thread() or before is None:
        yield
        return
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    try:
        yield
    finally:
        signal.signal(signal.SIGINT, before)


@contextmanager
def without_the_current_folder() -> Iterator[None]:
    """Processes that multiprocessing starts here never import from the current folder.

    It starts them by `python -c`, for which that folder comes before all others: a `pickle.py` there would be run.
    """
    before = os.environ.get(SAFE_PATH)
    os.environ[SAFE_PATH] = "1"
    try:
        yield
    finally:
        if before is None:
            os.environ.pop(SAFE_PATH, None)
        else:
            os.environ[SAFE_PATH] = before
