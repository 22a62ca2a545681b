"""Work on several photos at a time, with results that do not depend on how many."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import TypeVar

import torch

__all__ = ["default_workers", "spread"]

T = TypeVar("T")
R = TypeVar("R")

MOST = 8


def default_workers(device: torch.device) -> int:
    """One for each CPU, up to 8, since each holds a photo's activations; one alone where an accelerator computes."""
    if device.type != "cpu":
        return 1
    available = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    return min(MOST, available)


def spread(work: Callable[[T], R], items: Sequence[T], workers: int) -> Iterator[R]:
    """`work` done on each item, in order, in threads that compute without graph.

    Each tensor operation has one thread: sums differ in their last bits with the number of threads that share them, and
    so scores are the same bit for bit whatever the number of workers. After an error, or when the caller stops, what
    has not begun is not begun.
    """
    before = torch.get_num_threads()
    # The number counts for the whole process and for threads that begin later, so it is set here and not in them.
    torch.set_num_threads(1)
    pool = ThreadPoolExecutor(max(1, workers), initializer=torch.set_num_threads, initargs=(1,))

    def quietly(item: T) -> R:
        with torch.no_grad():
            return work(item)

    try:
        yield from pool.map(quietly, items)
    finally:
        pool.shutdown(wait=True, cancel_futures=True)
        torch.set_num_threads(before)
