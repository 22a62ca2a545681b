"""TensorBoard events: losses, learning rates, scores, pictures."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from srkit.hooks import hookimpl
from srkit.links import folder_inside
from srkit.printable import printable
from srkit.training.run import Pictures, Run

if TYPE_CHECKING:
    from torch.utils.tensorboard import SummaryWriter

SHOWN_PICTURES = 4


class TensorBoard:
    """Writes `events/`; TensorBoard's writer is imported at the first log step, since that takes a while."""

    def __init__(self) -> None:
        self._writer: SummaryWriter | None = None

    def writer(self, run: Run) -> SummaryWriter:
        if self._writer is None:
            from torch.utils.tensorboard import SummaryWriter

            events = folder_inside(run.folder, "events")
            # events of steps that are done again would show twice; a run killed early does them from the first on
            goes_on = any(events.iterdir())
            self._writer = SummaryWriter(str(events), purge_step=run.resumed_from + 1 if goes_on else None)
        return self._writer

    @hookimpl
    def srkit_step_end(self, run: Run, step: int, metrics: Mapping[str, Any] | None) -> None:
        if metrics is None:
            return
        for role, rate in metrics["lr"].items():
            self.writer(run).add_scalar(printable(f"lr/{role}"), rate, step)
        for key, value in metrics.items():
            if key != "lr":
                self.writer(run).add_scalar(printable(f"train/{key}"), value, step)

    @hookimpl
    def srkit_validation_end(self, run: Run, step: int, scores: Mapping[str, float], pictures: Pictures) -> None:
        for metric, value in scores.items():
            self.writer(run).add_scalar(printable(f"validation/{metric}"), value, step)
        for name in list(pictures)[:SHOWN_PICTURES]:
            self.writer(run).add_image(printable(f"validation/{name}"), pictures[name]["sr"], step)

    @hookimpl
    def srkit_rolled_back(self) -> None:
        self.close()

    @hookimpl
    def srkit_run_end(self) -> None:
        self.close()

    def close(self) -> None:
        """End the file; the next number begins another, which tells TensorBoard what no longer counts."""
        if self._writer is not None:
            self._writer.close()
        self._writer = None
