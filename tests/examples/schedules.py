"""A schedule that goes by the result, and remembers what it saw."""

from __future__ import annotations

from typing import Any


class Patient:
    """Halves the learning rate at each validation that is worse than the best so far.

    Args:
        metric: the metric it goes by.
        least: the smallest factor.
    """

    def __init__(self, metric: str = "psnr-y", least: float = 0.01) -> None:
        self.observes = metric
        self.least = least
        self.best: float | None = None
        self.now = 1.0

    def factor(self, step: int) -> float:
        """The factor for this update, counted from 1."""
        return self.now

    def observe(self, value: float, higher_is_better: bool) -> None:
        """The metric's mean, after a validation."""
        signed = value if higher_is_better else -value
        if self.best is None or signed >= self.best:
            self.best = signed
        else:
            self.now = max(self.least, self.now / 2)

    def state_dict(self) -> dict[str, Any]:
        """What it remembers; saved with each checkpoint."""
        return {"best": self.best, "now": self.now}

    def load_state_dict(self, state: dict[str, Any]) -> None:
        """Go on from what was saved."""
        self.best, self.now = state["best"], state["now"]
