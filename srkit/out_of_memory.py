"""Out of memory, recognised by all its names."""

from __future__ import annotations

import re

import torch

__all__ = ["is_out_of_memory"]

_WORDS = re.compile(
    r"out of memory|not enough memory|can't allocate memory|cannot allocate memory|bad_alloc"
    # oneDNN, which wants memory of its own; what it cannot describe is a shape it does not support
    r"|could not create a (primitive|memory)(?! descriptor)",
    re.IGNORECASE,
)


def is_out_of_memory(error: BaseException) -> bool:
    """Whether an error means that a device's, or the machine's, memory ran out: the CPU's is a plain RuntimeError."""
    if isinstance(error, (MemoryError, torch.OutOfMemoryError)):
        return True
    return isinstance(error, RuntimeError) and _WORDS.search(str(error)) is not None
