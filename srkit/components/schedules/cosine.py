"""A learning rate that falls along half a cosine."""

from __future__ import annotations

from math import cos, pi
from typing import Annotated

from msgspec import Meta

from srkit.components.schedules.warmup import check_warmup, rise
from srkit.errors import OptionError

__all__ = ["Cosine"]


class Cosine:
    """Lowers the learning rate along half a cosine to the end of the run.

    Loshchilov and Hutter 2016, arXiv 1608.03983, without restarts: the first update after the warmup has the full rate,
    the one after the run's last would have the minimum.

    Args:
        steps: the run's length in updates.
        minimum: the factor the cosine ends at, from 0 to 1.
        warmup: updates over which the rate first rises linearly from nearly 0; the cosine takes the rest of the run.
    """

    def __init__(
        self,
        steps: int,
        minimum: Annotated[float, Meta(ge=0, le=1)] = 0.0,
        warmup: Annotated[int, Meta(ge=0)] = 0,
    ) -> None:
        if not 0 <= minimum <= 1:
            raise OptionError("minimum", f"a factor from 0 to 1, got {minimum}.")
        self.steps = steps
        self.minimum = minimum
        self.warmup = check_warmup(warmup, steps)

    def factor(self, step: int) -> float:
        """The factor for this update, counted from 1; stays at its end where a run goes on past its length."""
        if step <= self.warmup:
            return rise(step, self.warmup)
        progress = min((step - 1 - self.warmup) / (self.steps - self.warmup), 1.0)
        return self.minimum + (1 - self.minimum) * (1 + cos(pi * progress)) / 2
