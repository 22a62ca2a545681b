"""Room for decoding: what all threads of a process and its loader's workers may take together."""

from __future__ import annotations

import os
import threading
import time
from collections.abc import Iterator, MutableSequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

from srkit.data.limits import decode_memory

__all__ = ["Ledger", "budget", "close_ledger", "join", "open_ledger", "room"]

_PAUSE = 0.005  # seconds between two looks whether others are done
_PATIENCE = 1.0  # seconds for a lock that is held for microseconds: whoever holds it longer was killed


@dataclass(frozen=True)
class Ledger:
    """How much each process has taken.

    Attributes:
        taken: bytes by process, in memory that all of them see.
        lock: guards `taken`.
        limit: bytes in all; None: `SRKIT_DECODE_MEMORY` as it stands.
    """

    taken: MutableSequence[int] = field(default_factory=lambda: [0])
    lock: Any = field(default_factory=threading.Lock)
    limit: int | None = None

    def take(self, place: int, need: int, limit: int) -> bool:
        """Whether there was room; what is too large for any room gets it when nothing else is decoded."""
        locked = self.lock.acquire(timeout=_PATIENCE)
        try:
            taken = sum(self.taken)
            if taken and taken + need > limit:
                return False
            self.taken[place] += need
            return True
        finally:
            if locked:
                self.lock.release()

    def give_back(self, place: int, need: int) -> None:
        locked = self.lock.acquire(timeout=_PATIENCE)
        self.taken[place] -= need
        if locked:
            self.lock.release()


class _Process:
    """This process's part: the ledger, its place there, the queue of its threads, and which of them have room."""

    def __init__(self, ledger: Ledger, place: int) -> None:
        self.ledger = ledger
        self.place = place
        self.queue = threading.Lock()
        self.thread = threading.local()


_here = _Process(Ledger(), 0)


def budget() -> int:
    """Bytes that decoding may take at a time.

    Raises:
        UserError: `SRKIT_DECODE_MEMORY` holds no size.
    """
    return _here.ledger.limit or decode_memory()


@contextmanager
def room(need: int) -> Iterator[None]:
    """Wait until there is room for so many bytes, and keep it while inside; a thread that has room takes no more."""
    here = _here
    if getattr(here.thread, "has_room", False):
        yield
        return
    ledger, place, limit = here.ledger, here.place, budget()
    with here.queue:  # a small image that comes later does not overtake a large one, which would wait for ever
        while not ledger.take(place, need, limit):
            time.sleep(_PAUSE)
    here.thread.has_room = True
    try:
        yield
    finally:
        here.thread.has_room = False
        ledger.give_back(place, need)


def open_ledger(context: Any, workers: int) -> Ledger:
    """A ledger for this process, which joins it, and so many workers, which join at 1, 2, ...

    Args:
        context: of multiprocessing, by which the workers start.
    """
    ledger = Ledger(context.RawArray("q", [0] * (1 + workers)), context.Lock(), budget())
    join(ledger, 0)
    return ledger


def close_ledger(ledger: Ledger) -> None:
    """The workers are gone: this process is alone again. May be called twice."""
    for place in range(1, len(ledger.taken)):
        ledger.taken[place] = 0  # a worker that was killed gives nothing back
    if _here.ledger is ledger:
        join(Ledger(), 0)


def join(ledger: Ledger, place: int) -> None:
    """From here on this process takes its room out of that ledger."""
    global _here
    _here = _Process(ledger, place)


if hasattr(os, "register_at_fork"):
    # a child has none of its parent's threads, and the locks as they were held by them
    os.register_at_fork(after_in_child=lambda: join(Ledger(limit=_here.ledger.limit), 0))
