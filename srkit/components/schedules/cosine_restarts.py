"""A learning rate that falls along half a cosine, again and again."""

from __future__ import annotations

from bisect import bisect_left
from itertools import accumulate
from math import cos, pi
from typing import Annotated

from msgspec import Meta

from srkit.components.schedules.warmup import check_warmup, rise
from srkit.errors import OptionError

__all__ = ["CosineRestarts"]


class CosineRestarts:
    """Lowers the learning rate along half a cosine, again and again from the top.

    Loshchilov and Hutter 2016, arXiv 1608.03983 (SGDR), with the periods written out as BasicSR's
    CosineAnnealingRestartLR has them: the first update of a period has the period's full rate. Past the last period the
    rate stays at the minimum.

    Args:
        periods: lengths in updates, one after another; the warmup comes before them.
        weights: the factor each period starts with; 1 each where left out.
        minimum: the factor each cosine ends at, from 0 to 1.
        warmup: updates over which the rate first rises linearly from nearly 0.
    """

    def __init__(
        self,
        periods: list[Annotated[int, Meta(ge=1)]],
        weights: list[Annotated[float, Meta(gt=0)]] | None = None,
        minimum: Annotated[float, Meta(ge=0, le=1)] = 0.0,
        warmup: Annotated[int, Meta(ge=0)] = 0,
    ) -> None:
        if not periods or min(periods) < 1:
            raise OptionError("periods", f"at least one number of updates from 1, got {list(periods)}.")
        self.periods = tuple(periods)
        self.weights = tuple(weights) if weights is not None else (1.0,) * len(periods)
        if len(self.weights) != len(periods):
            raise OptionError("weights", f"one for each of the {len(periods)} periods, got {len(self.weights)}.")
        if not 0 <= minimum <= min(self.weights):
            raise OptionError("minimum", f"a factor from 0 to the least of the weights, got {minimum}.")
        self.ends = tuple(accumulate(self.periods))
        self.minimum = minimum
        self.warmup = check_warmup(warmup)

    def factor(self, step: int) -> float:
        """The factor for this update, counted from 1."""
        if step <= self.warmup:
            return rise(step, self.warmup) * self.weights[0]
        place = step - self.warmup
        if place > self.ends[-1]:
            return self.minimum
        number = bisect_left(self.ends, place)
        progress = (place - 1 - self.ends[number] + self.periods[number]) / self.periods[number]
        return self.minimum + (self.weights[number] - self.minimum) * (1 + cos(pi * progress)) / 2
