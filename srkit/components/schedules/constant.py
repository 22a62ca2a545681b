"""A learning rate that stays."""

from __future__ import annotations

from typing import Annotated

from msgspec import Meta

from srkit.components.schedules.warmup import check_warmup, rise

__all__ = ["Constant"]


class Constant:
    """Keeps the learning rate as it is, after an optional warmup.

    Args:
        warmup: updates over which the rate first rises linearly from nearly 0.
    """

    def __init__(self, warmup: Annotated[int, Meta(ge=0)] = 0) -> None:
        self.warmup = check_warmup(warmup)

    def factor(self, step: int) -> float:
        """The factor for this update, counted from 1; in (0, 1]."""
        return rise(step, self.warmup)
