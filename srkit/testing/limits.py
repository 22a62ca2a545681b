"""How long a rule may take, and what is said of whatever a component raises."""

from __future__ import annotations

import signal
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager

from srkit import errors

__all__ = ["SECONDS", "TooLong", "in_short", "limited"]

SECONDS = 120.0
"""What trying one rule may take."""

AGAIN = 1.0
"""Seconds after which a component that caught the first end is ended again."""


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

    def end(*_: object) -> None:
        raise TooLong

    begun, before = time.monotonic(), signal.signal(signal.SIGALRM, end)
    left, interval = signal.setitimer(signal.ITIMER_REAL, seconds, AGAIN)
    try:
        yield
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, before)
        if left:
            signal.setitimer(signal.ITIMER_REAL, max(0.001, left - (time.monotonic() - begun)), interval)


def in_short(error: BaseException) -> str:
    """Its type and message, as long as they may stand inside a sentence."""
    return errors.in_short(error)[:220].rstrip(".")
