"""A learning rate that drops at given updates."""

from __future__ import annotations

from bisect import bisect_left
from typing import Annotated

from msgspec import Meta

from srkit.components.schedules.warmup import check_warmup, rise
from srkit.errors import OptionError

__all__ = ["Multistep"]


class Multistep:
    """Multiplies the learning rate by gamma after each milestone.

    As `torch.optim.lr_scheduler.MultiStepLR` stepped once an update: the update numbered like a milestone is the last
    one at the old rate.

    Args:
        milestones: numbers of updates, rising, after each of which the rate drops.
        gamma: what the rate is multiplied with at each milestone.
        warmup: updates over which the rate first rises linearly from nearly 0.
    """

    def __init__(
        self,
        milestones: list[Annotated[int, Meta(ge=1)]],
        gamma: Annotated[float, Meta(gt=0)] = 0.5,
        warmup: Annotated[int, Meta(ge=0)] = 0,
    ) -> None:
        if list(milestones) != sorted(set(milestones)) or any(milestone < 1 for milestone in milestones):
            raise OptionError("milestones", f"rising numbers of updates from 1, each once, got {list(milestones)}.")
        if gamma <= 0:
            raise OptionError("gamma", f"a number above 0, got {gamma}.")
        self.milestones = tuple(milestones)
        self.gamma = gamma
        self.warmup = check_warmup(warmup)

    def factor(self, step: int) -> float:
        """The factor for this update, counted from 1."""
        return rise(step, self.warmup) * self.gamma ** bisect_left(self.milestones, step)
