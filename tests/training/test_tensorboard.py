"""TensorBoard shows each step once, however often a run begins again."""

from __future__ import annotations

from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

from srkit.training.observers.tensorboard import TensorBoard


@pytest.mark.parametrize("resumed_from", [0, 2])
def test_steps_that_are_done_again_after_a_kill_stand_once(tmp_path: Path, resumed_from: int) -> None:
    """Before the first checkpoint a resumed run begins at its first step, with the old events beside it."""
    for begun_after, last in ((0, 4), (resumed_from, 6)):
        run: Any = SimpleNamespace(folder=tmp_path, resumed_from=begun_after, rollbacks=[])
        watcher = TensorBoard()
        for step in range(begun_after + 1, last + 1):
            watcher.srkit_step_end(run, step, {"lr": {"generator": 1e-4}, "mse": 10.0 * last + step})
        watcher.close()
    events = EventAccumulator(str(tmp_path / "events")).Reload()
    shown = {one.step: one.value for one in events.Scalars("train/mse")}
    assert len(events.Scalars("train/mse")) == 6
    assert shown == {step: (60.0 if step > resumed_from else 40.0) + step for step in range(1, 7)}
