"""A warning where the step waits for its pictures."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from srkit.hooks import hookimpl
from srkit.training.run import Run

TOO_LONG = 0.2
EARLY = 50
"""Steps that say nothing yet."""


class Waiting:
    """Warns once where more than a fifth of the time goes by waiting for pictures.

    The first log line holds the start of the workers and the filling of the cache, and does not count. The warning is
    told and not kept: it says nothing of the result.
    """

    def __init__(self) -> None:
        self.warned = False

    @hookimpl
    def srkit_step_end(self, run: Run, step: int, metrics: Mapping[str, Any] | None) -> None:
        if metrics is None or self.warned or step - run.resumed_from < max(EARLY, 2 * run.experiment.log.every):
            return
        share = metrics["waiting"]
        if share > TOO_LONG:
            self.warned = True
            run.on_warning(
                f"{share:.0%} of the time the step waits for pictures. Raise data.workers, or data.cache so that all "
                "of them fit into memory"
            )
