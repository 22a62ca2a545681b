"""The signals that ask a command to end: Ctrl-C, a termination, a terminal that was closed."""

from __future__ import annotations

import signal
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager

__all__ = ["PATIENCE", "asked_to_end"]

PATIENCE = 3.0
"""Seconds after the first signal in which a further one changes nothing: both may be of one Ctrl-C, or of one closed
terminal, and what is being saved is worth the time."""

NAMES = ("SIGINT", "SIGTERM", "SIGHUP")
"""Windows has no SIGHUP."""


@contextmanager
def asked_to_end(end: Callable[[], None], *, at_once: bool = True, patience: float = PATIENCE) -> Iterator[None]:
    """While inside, the first signal calls `end`, and one that comes more than `patience` later ends all at once.

    Signals that this process was started to ignore (`nohup`) stay ignored, but for Ctrl-C. Outside of the main thread
    nothing is changed.

    Args:
        end: asks for the end, and returns.
        at_once: whether a later signal raises KeyboardInterrupt.
        patience: seconds after the first signal in which others change nothing.
    """
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    first: list[float] = []

    def stop(number: int, _: object) -> None:
        if not first:
            first.append(time.monotonic())
            end()
        elif at_once and time.monotonic() - first[0] > patience:
            raise KeyboardInterrupt

    numbers = [number for name in NAMES if (number := getattr(signal, name, None)) is not None]
    heard = [one for one in numbers if one == signal.SIGINT or signal.getsignal(one) is not signal.SIG_IGN]
    before = {number: signal.signal(number, stop) for number in heard}
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
