"""Work on many items in threads, which an interrupt leaves behind."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor, wait
from typing import TypeVar

Item = TypeVar("Item")
Made = TypeVar("Made")

NAME = "srkit-pictures"
"""What the threads' names begin with."""

CHUNK = 256
"""Items under way at most, so that memory does not hold a future for each of a million pictures."""

PAUSE = 0.5
"""Seconds of a wait, which Ctrl-C does not interrupt on Windows."""

SLOW = 20.0
"""Seconds for one item after which it is named."""


def in_threads(
    work: Callable[[Item], Made],
    items: Sequence[Item],
    workers: int | None = None,
    waiting: Callable[[Item], None] | None = None,
) -> Iterator[Made]:
    """What the work makes of each item, in order; an interrupt waits neither for the rest nor for one that hangs.

    Args:
        work: called in a thread.
        workers: threads; by default one a CPU.
        waiting: called with an item each time it is waited for 20 seconds more.
    """
    pool = ThreadPoolExecutor(workers or os.cpu_count() or 1, thread_name_prefix=NAME)
    try:
        for start in range(0, len(items), CHUNK):
            chunk = items[start : start + CHUNK]
            jobs = [pool.submit(work, item) for item in chunk]
            for item, job in zip(chunk, jobs, strict=True):
                slow = 0.0
                while not wait([job], PAUSE).done:
                    slow += PAUSE
                    if waiting is not None and slow >= SLOW:
                        slow = 0.0
                        waiting(item)
                yield job.result()
    finally:
        pool.shutdown(wait=False, cancel_futures=True)
