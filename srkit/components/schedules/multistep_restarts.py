"""A learning rate that drops at given updates and rises again at others."""

from __future__ import annotations

from bisect import bisect_left
from typing import Annotated

from msgspec import Meta

from srkit.components.schedules.warmup import check_warmup, rise
from srkit.contracts import Claims
from srkit.errors import OptionError

__all__ = ["MultistepRestarts"]


class MultistepRestarts:
    """Multiplies the learning rate by gamma after milestones, sets it anew at restarts.

    As BasicSR's MultiStepRestartLR: after a restart the rate is the restart's weight, whatever the milestones before it
    did. The update numbered like a milestone or restart is the last one at the old rate.

    Args:
        milestones: numbers of updates, rising, after each of which the rate drops; none of them a restart.
        restarts: numbers of updates, rising, after each of which the rate is set anew.
        weights: the factor after each restart; 1 each where left out.
        gamma: what the rate is multiplied with at each milestone.
        warmup: updates over which the rate first rises linearly from nearly 0.
    """

    claims = Claims(options={"milestones": [10, 20], "restarts": [15]})

    def __init__(
        self,
        milestones: list[Annotated[int, Meta(ge=1)]],
        restarts: list[Annotated[int, Meta(ge=1)]],
        weights: list[Annotated[float, Meta(gt=0)]] | None = None,
        gamma: Annotated[float, Meta(gt=0)] = 0.5,
        warmup: Annotated[int, Meta(ge=0)] = 0,
    ) -> None:
        for key, numbers in {"milestones": milestones, "restarts": restarts}.items():
            if list(numbers) != sorted(set(numbers)) or any(number < 1 for number in numbers):
                raise OptionError(key, f"rising numbers of updates from 1, each once, got {list(numbers)}.")
        if both := sorted(set(milestones) & set(restarts)):
            raise OptionError("milestones", f"{both[0]} is a restart already, after which the rate is not lowered.")
        if gamma <= 0:
            raise OptionError("gamma", f"a number above 0, got {gamma}.")
        self.milestones, self.restarts = tuple(milestones), tuple(restarts)
        self.weights = tuple(weights) if weights is not None else (1.0,) * len(restarts)
        if len(self.weights) != len(restarts):
            raise OptionError("weights", f"one for each of the {len(restarts)} restarts, got {len(self.weights)}.")
        self.gamma = gamma
        self.warmup = check_warmup(warmup)

    def factor(self, step: int) -> float:
        """The factor for this update, counted from 1."""
        number = bisect_left(self.restarts, step)
        start = self.restarts[number - 1] if number else 0
        base = self.weights[number - 1] if number else 1.0
        passed = bisect_left(self.milestones, step) - bisect_left(self.milestones, start)
        return rise(step, self.warmup) * base * self.gamma**passed
