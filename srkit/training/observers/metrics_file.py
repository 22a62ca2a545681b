"""Writes metrics.jsonl and validation.jsonl; lines after the checkpoint one goes on from, by a resume or a rollback,
are taken back."""

from __future__ import annotations

import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from srkit.errors import UserError
from srkit.hooks import hookimpl
from srkit.training.log_files import Spans, append, keep_until, to_disk, with_step
from srkit.training.run import Run

METRICS, VALIDATION = "metrics.jsonl", "validation.jsonl"


class MetricsFile:
    """Writes the numbers of a run beside it; first of all plugins, so that none that fails costs a line.

    Args:
        folder: the run's.
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.written: dict[str, Spans] = {}

    def state_dict(self) -> dict[str, Any]:
        """The steps that have a line, by file. What a checkpoint holds of them is on disk before it."""
        for name in (METRICS, VALIDATION):
            to_disk(self.folder / name)
        return {"written": self.written}

    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        self.written = {name: [list(one) for one in spans] for name, spans in state["written"].items()}

    @hookimpl(tryfirst=True)
    def srkit_run_start(self, run: Run) -> None:
        self._take_back(run)

    @hookimpl(tryfirst=True)
    def srkit_rolled_back(self, run: Run) -> None:
        self._take_back(run)

    @hookimpl(tryfirst=True)
    def srkit_step_end(self, run: Run, step: int, metrics: Mapping[str, Any] | None) -> None:
        if metrics is not None:
            rates = {"lr": metrics["lr"]["generator"]}
            rates |= {f"lr_{role}": rate for role, rate in metrics["lr"].items() if role != "generator"}
            rest = {key: value for key, value in metrics.items() if key != "lr"}
            self._append(METRICS, step, {"time": round(time.time(), 3), **rates, **rest})

    @hookimpl(tryfirst=True)
    def srkit_validation_end(self, run: Run, step: int, scores: Mapping[str, float]) -> None:
        self._append(VALIDATION, step, scores)

    def _append(self, name: str, step: int, numbers: Mapping[str, Any]) -> None:
        append(self.folder / name, {"step": step, **numbers})
        self.written[name] = with_step(self.written.get(name, []), step)

    def _take_back(self, run: Run) -> None:
        for name in (METRICS, VALIDATION):
            try:
                sentences = keep_until(self.folder / name, run.step, self.written.get(name, []))
            except OSError as error:
                raise UserError(f"{self.folder / name}: {error.strerror or error}") from error
            for sentence in sentences:
                run.warn(sentence)
