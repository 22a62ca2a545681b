"""The warning of a step that waits for its images: of several log lines in a row, worded for the set at hand, once."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

from srkit.training.observers.waiting import Waiting

MAPPED = SimpleNamespace(verify=None, sizes=None)


def told(
    shares: dict[int, float],
    resumed_from: int = 0,
    every: int = 10,
    train: Any = None,
    degradation: tuple[str, ...] = (),
) -> list[str]:
    """What is said where these shares of the time are waited, by step."""
    said: list[str] = []
    log = SimpleNamespace(every=every)
    experiment = SimpleNamespace(log=log, degradation=degradation, lr_pipeline=None)
    run: Any = SimpleNamespace(
        on_warning=said.append, experiment=experiment, resumed_from=resumed_from, assembly=SimpleNamespace(train=train)
    )
    watcher = Waiting()
    for step, share in shares.items():
        watcher.srkit_step_end(run, step, None)
        watcher.srkit_step_end(run, step, {"waiting": share})
    return said


def test_it_is_told_once_after_several_lines_in_a_row_and_not_of_the_first_line_nor_of_the_first_steps() -> None:
    assert told({10: 0.9, 50: 0.35, 60: 0.5, 70: 0.35, 80: 0.9}) == [
        "35% of the time the step waits for images. Raise data.workers, or data.cache so that all of them fit into "
        "memory"
    ]
    assert not told({10: 0.9, 40: 0.9, 50: 0.9, 60: 0.9, 70: 0.1})
    assert not told({50: 0.9, 60: 0.9, 70: 0.1, 80: 0.9, 90: 0.9, 100: 0.1})
    assert not told({100: 0.9, 200: 0.9, 300: 0.9}, every=100) and told({100 * n: 0.9 for n in (2, 3, 4)}, every=100)


def test_a_resumed_run_s_first_lines_do_not_count_either() -> None:
    assert not told({110: 0.9, 140: 0.9, 150: 0.9, 160: 0.9}, resumed_from=100)
    assert told({110: 0.9, 150: 0.3, 160: 0.3, 170: 0.3}, resumed_from=100)


def test_a_packed_set_is_told_neither_of_workers_nor_of_a_cache() -> None:
    lines = {50: 0.3, 60: 0.3, 70: 0.3}
    (said,) = told(lines, train=MAPPED)
    assert "A packed set needs neither workers nor a cache: a faster drive helps" in said
    (said,) = told(lines, train=MAPPED, degradation=("jpeg",))
    assert "lighter degradations help" in said and "data.cache" not in said
