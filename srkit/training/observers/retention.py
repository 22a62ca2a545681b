"""Which checkpoints stay: the last ones, the best by a metric, and the final one."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from srkit.hooks import hookimpl
from srkit.links import remove_folder
from srkit.training.checkpoint import checkpoints, step_of
from srkit.training.run import Run


class Retention:
    """Deletes checkpoints that need not stay; asks for one when a validation is the best so far.

    Args:
        keep: how many of the last ones stay.
        best: the metric by which one more stays, or None.
        higher_is_better: which way is better.
    """

    def __init__(self, keep: int, best: str | None, higher_is_better: bool = True) -> None:
        self.keep = keep
        self.best = best
        self.sign = 1.0 if higher_is_better else -1.0
        self.best_step: int | None = None
        self.best_score: float | None = None

    @hookimpl
    def srkit_validation_end(self, run: Run, step: int, scores: Mapping[str, float]) -> None:
        if self.best is None or self.best not in scores:
            return
        score = scores[self.best]
        if self.best_score is None or score * self.sign > self.best_score * self.sign:
            self.best_score, self.best_step = score, step
            run.request_checkpoint()

    @hookimpl
    def srkit_checkpoint_saved(self, step: int, path: Path) -> None:
        # one of a later step was found damaged when the run was resumed; its step comes again
        found = [one for one in checkpoints(path.parent) if step_of(one) <= step]
        for one in found[: -self.keep]:
            if step_of(one) != self.best_step:
                remove_folder(one)

    def state_dict(self) -> dict[str, Any]:
        return {"best_step": self.best_step, "best_score": self.best_score}

    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        self.best_step, self.best_score = state["best_step"], state["best_score"]
