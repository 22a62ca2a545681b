"""The warning of a step that waits for its pictures: from the second log line of a session on, and once."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

from srkit.training.observers.waiting import Waiting


def told(shares: dict[int, float], resumed_from: int = 0, every: int = 10) -> list[str]:
    """What is said where these shares of the time are waited, by step."""
    said: list[str] = []
    log = SimpleNamespace(every=every)
    run: Any = SimpleNamespace(on_warning=said.append, experiment=SimpleNamespace(log=log), resumed_from=resumed_from)
    watcher = Waiting()
    for step, share in shares.items():
        watcher.srkit_step_end(run, step, None)
        watcher.srkit_step_end(run, step, {"waiting": share})
    return said


def test_it_is_told_once_and_not_of_the_first_line_nor_of_the_first_steps() -> None:
    assert told({10: 0.9, 50: 0.35, 60: 0.5}) == [
        "35% of the time the step waits for pictures. Raise data.workers, or data.cache so that all of them fit into "
        "memory"
    ]
    assert not told({10: 0.9, 40: 0.9, 50: 0.2, 60: 0.1})
    assert not told({100: 0.9, 200: 0.1}, every=100) and told({100: 0.9, 200: 0.3}, every=100)


def test_a_resumed_run_s_first_lines_do_not_count_either() -> None:
    assert not told({110: 0.9, 140: 0.9, 150: 0.1}, resumed_from=100)
    assert not told({110: 0.9, 150: 0.9, 160: 0.1}, resumed_from=101)
    assert told({110: 0.9, 150: 0.3}, resumed_from=100)
