"""The signals that ask a command to end: Ctrl-C, a termination, a terminal that was closed."""

from __future__ import annotations

import signal
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from types import FrameType
from typing import Any

__all__ = ["PATIENCE", "asked_to_end", "ignore_signals", "interrupts_noted"]

PATIENCE = 3.0
"""Seconds after the first signal in which a further one changes nothing: both may be of one Ctrl-C, or of one closed
terminal, and what is being saved is worth the time."""

NAMES = ("SIGINT", "SIGTERM", "SIGHUP")
"""Windows has no SIGHUP."""


@contextmanager
def asked_to_end(end: Callable[[], None], *, at_once: bool = True, patience: float = PATIENCE) -> Iterator[None]:
    """While inside, the first signal calls `end`, and one that comes more than `patience` later ends all at once.

    Signals that this process was started to ignore (`nohup`) stay ignored, but for Ctrl-C. Outside of the main thread
    nothing is changed. Where the end came sooner than `patience`, the rest of it holds on: a signal that follows the
    first does not kill what has saved all and is on its way out.

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

    heard = [one for one in _numbers() if one == signal.SIGINT or signal.getsignal(one) is not signal.SIG_IGN]
    before = {number: signal.signal(number, stop) for number in heard}
    try:
        yield
    finally:
        rest = first[0] + patience if first else 0.0
        for number, handler in before.items():
            signal.signal(number, handler if time.monotonic() >= rest else _later(handler, rest))


@contextmanager
def interrupts_noted() -> Iterator[Callable[[], bool]]:
    """While inside, Ctrl-C raises KeyboardInterrupt as ever; gives what tells whether it came.

    A library's C code may make an error of its own of the exception, as torch does where it asks for a tensor's shape.
    """
    noted: list[int] = []

    def note(number: int, frame: FrameType | None) -> None:
        noted.append(number)
        signal.default_int_handler(number, frame)

    in_main = threading.current_thread() is threading.main_thread()
    is_default = in_main and signal.getsignal(signal.SIGINT) is signal.default_int_handler
    if is_default:
        signal.signal(signal.SIGINT, note)
    try:
        yield lambda: bool(noted)
    finally:
        if is_default and signal.getsignal(signal.SIGINT) is note:
            signal.signal(signal.SIGINT, signal.default_int_handler)


def ignore_signals() -> None:
    """Hear no signal any more that asks for an end: the process is as good as over."""
    for number in _numbers():
        signal.signal(number, signal.SIG_IGN)


def _numbers() -> list[int]:
    return [number for name in NAMES if (number := getattr(signal, name, None)) is not None]


def _later(handler: Any, moment: float) -> Callable[[int, object], None]:
    """What hears nothing until then, and leaves the first signal after it to `handler`."""

    def heard(number: int, _: object) -> None:
        if time.monotonic() >= moment:
            signal.signal(number, handler)
            signal.raise_signal(number)

    return heard
