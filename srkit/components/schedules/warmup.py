"""The linear rise that every schedule can begin with."""

from __future__ import annotations

from srkit.errors import OptionError

__all__ = ["check_warmup", "rise"]


def rise(step: int, warmup: int) -> float:
    """1 / warmup at the first update, 1 from update `warmup` on."""
    return min(step / warmup, 1.0) if warmup else 1.0


def check_warmup(warmup: int, steps: int | None = None) -> int:
    """The number of warmup updates, or an `OptionError` where it is negative or leaves nothing of the run."""
    if warmup < 0:
        raise OptionError("warmup", f"a number of updates from 0, got {warmup}.")
    if steps is not None and warmup >= steps:
        raise OptionError("warmup", f"{warmup} updates of warmup leave nothing of a run of {steps} steps.")
    return warmup
