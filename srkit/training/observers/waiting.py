"""A warning where the step waits for its pictures."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from srkit.data.cache import is_mapped
from srkit.hooks import hookimpl
from srkit.training.run import Run

TOO_LONG = 0.2
EARLY = 50
"""Steps that say nothing yet."""

IN_A_ROW = 3
"""Log lines one after another that have to say so: one is slow where the system was busy with something else."""


class Waiting:
    """Warns once where again and again more than a fifth of the time goes by waiting for images.

    The first log line holds the start of the workers and the filling of the cache, and does not count. The warning is
    told and not kept: it says nothing of the result.
    """

    def __init__(self) -> None:
        self.warned = False
        self.slow = 0

    @hookimpl
    def srkit_step_end(self, run: Run, step: int, metrics: Mapping[str, Any] | None) -> None:
        if metrics is None or self.warned or step - run.resumed_from < max(EARLY, 2 * run.experiment.log.every):
            return
        share = metrics["waiting"]
        self.slow = self.slow + 1 if share > TOO_LONG else 0
        if self.slow >= IN_A_ROW:
            self.warned = True
            run.on_warning(f"{share:.0%} of the time the step waits for images. {_what_helps(run)}")


def _what_helps(run: Run) -> str:
    """What the data set at hand leaves to be changed."""
    experiment = run.experiment
    if is_mapped(run.assembly.train):  # read from mapped files: neither a cache nor more readers make that faster
        lighter = "A packed set needs neither workers nor a cache: "
        if experiment.degradation or experiment.lr_pipeline is not None:
            return lighter + "lighter degradations help, or data.workers = 2 where these are made"
        return lighter + "a faster drive helps, or one on this machine"
    return "Raise data.workers, or data.cache so that all of them fit into memory"
