"""How long a rule may take, and what is said of whatever a component raises."""

from __future__ import annotations

import contextlib
import itertools
import random
import signal
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType

from srkit import errors

__all__ = ["SECONDS", "TooLong", "in_short", "limited"]

SECONDS = 120.0
"""What trying one rule may take."""

AGAIN = 1.0
"""Seconds after which a component that caught the first end is ended again."""

BURST = (1e-6, 60e-6)
"""Seconds between the ends after that: one of them comes while it handles the one before, and is caught by nobody."""

OURS = (__file__, contextlib.__file__)
"""Code that no end interrupts, because it takes the alarm back."""


class TooLong(BaseException):
    """A rule takes longer than it may. No Exception, so that a component that catches all of these ends too."""


@contextmanager
def limited(seconds: float = SECONDS) -> Iterator[None]:
    """Raise TooLong where what is inside does not come to its end; in the main thread of systems that have alarms.

    An alarm that somebody else has set, as pytest-timeout does, goes on afterwards.
    """
    if not hasattr(signal, "setitimer") or threading.current_thread() is not threading.main_thread():
        yield
        return

    rung, drawn, over = itertools.count(1), random.Random(0), False

    def end(_: int, frame: FrameType | None) -> None:
        if over:
            return
        if next(rung) > 1:
            signal.setitimer(signal.ITIMER_REAL, drawn.uniform(*BURST), 1e-3)  # again, where a wait began just then
        if frame is None or frame.f_code.co_filename not in OURS:
            raise TooLong

    begun, before = time.monotonic(), signal.signal(signal.SIGALRM, end)
    left, interval = signal.setitimer(signal.ITIMER_REAL, seconds, AGAIN)
    try:
        yield
    finally:
        over = True
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, before)
        if left:
            signal.setitimer(signal.ITIMER_REAL, max(0.001, left - (time.monotonic() - begun)), interval)


def in_short(error: BaseException) -> str:
    """Its type and message, as long as they may stand inside a sentence."""
    return errors.in_short(error)[:220].rstrip(".")
