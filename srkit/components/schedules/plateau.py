"""A learning rate that drops where the validations no longer get better."""

from __future__ import annotations

from typing import Annotated, Any

from msgspec import Meta

from srkit.components.schedules.warmup import check_warmup, rise
from srkit.errors import OptionError

__all__ = ["Plateau"]


class Plateau:
    """Lowers the learning rate each time a metric has not improved for some validations.

    As `torch.optim.lr_scheduler.ReduceLROnPlateau` with an absolute threshold: a validation is an improvement where the
    metric is better than the best so far by more than `threshold`; which way is better, the metric says. Needs
    `validation.every`. Validations that fall elsewhere, as at the end of a run, do not count.

    Args:
        metric: the metric to go by, one of `validation.metrics`.
        gamma: what the rate is multiplied with.
        patience: validations without improvement that are borne; the rate drops at the next one.
        threshold: in the metric's unit, how much better counts as better.
        cooldown: validations after a drop that do not count as without improvement.
        minimum: the factor that the rate does not fall below.
        warmup: updates over which the rate first rises linearly from nearly 0.

    Attributes:
        observes: the metric's name, for the trainer.
    """

    def __init__(
        self,
        metric: str = "psnr-y",
        gamma: Annotated[float, Meta(gt=0, lt=1)] = 0.5,
        patience: Annotated[int, Meta(ge=0)] = 5,
        threshold: Annotated[float, Meta(ge=0)] = 0.0,
        cooldown: Annotated[int, Meta(ge=0)] = 0,
        minimum: Annotated[float, Meta(ge=0, le=1)] = 0.0,
        warmup: Annotated[int, Meta(ge=0)] = 0,
    ) -> None:
        if not 0 < gamma < 1:
            raise OptionError("gamma", f"a number between 0 and 1, got {gamma}.")
        self.observes = metric
        self.gamma = gamma
        self.patience = patience
        self.threshold = threshold
        self.cooldown = cooldown
        self.minimum = minimum
        self.warmup = check_warmup(warmup)
        self.best: float | None = None
        self.drops = self.waited = self.cooling = 0

    def factor(self, step: int) -> float:
        """The factor for this update, counted from 1."""
        return rise(step, self.warmup) * max(self.gamma**self.drops, self.minimum)

    def observe(self, value: float, higher_is_better: bool) -> None:
        """Take in the metric's mean of a validation."""
        gain = None if self.best is None else (value - self.best if higher_is_better else self.best - value)
        if gain is None or gain > self.threshold:
            self.best = value
            self.waited = 0
        else:
            self.waited += 1
        if self.cooling:
            self.cooling -= 1
            self.waited = 0
        if self.waited > self.patience:
            self.drops += 1
            self.waited, self.cooling = 0, self.cooldown

    def state_dict(self) -> dict[str, Any]:
        """What it remembers of the validations so far."""
        return {"best": self.best, "drops": self.drops, "waited": self.waited, "cooling": self.cooling}

    def load_state_dict(self, state: dict[str, Any]) -> None:
        """Go on from what `state_dict` gave."""
        self.best, self.drops = state["best"], state["drops"]
        self.waited, self.cooling = state["waited"], state["cooling"]
