"""The schedules against torch's own, and their warmup."""

from __future__ import annotations

import math
from collections.abc import Callable
from functools import partial

import pytest
import torch

from srkit.components.schedules.constant import Constant
from srkit.components.schedules.cosine import Cosine
from srkit.components.schedules.multistep import Multistep
from srkit.errors import OptionError


def torchs(make: Callable[[torch.optim.Optimizer], torch.optim.lr_scheduler.LRScheduler], steps: int) -> list[float]:
    """The rate at each update, of a base rate of 1."""
    optimizer = torch.optim.SGD([torch.nn.Parameter(torch.zeros(1))], lr=1.0)
    schedule = make(optimizer)
    rates = []
    for _ in range(steps):
        rates.append(optimizer.param_groups[0]["lr"])
        optimizer.step()
        schedule.step()
    return rates


def test_constant() -> None:
    assert [Constant().factor(step) for step in (1, 2, 1000)] == [1.0, 1.0, 1.0]


def test_multistep_against_torch() -> None:
    ours = Multistep(milestones=[3, 7], gamma=0.1)
    expected = torchs(lambda o: torch.optim.lr_scheduler.MultiStepLR(o, [3, 7], 0.1), 10)
    assert [ours.factor(step) for step in range(1, 11)] == pytest.approx(expected)


def test_cosine_against_torch() -> None:
    ours = Cosine(steps=10, minimum=0.2)
    expected = torchs(lambda o: torch.optim.lr_scheduler.CosineAnnealingLR(o, 10, eta_min=0.2), 10)
    assert [ours.factor(step) for step in range(1, 11)] == pytest.approx(expected)


@pytest.mark.parametrize("make", [Constant, partial(Multistep, [500]), partial(Cosine, 20)])
def test_warmup_rises_linearly_to_the_full_rate(make: Callable) -> None:
    schedule = make(warmup=4)
    assert [schedule.factor(step) for step in range(1, 6)] == pytest.approx([0.25, 0.5, 0.75, 1, 1])


def test_cosine_with_warmup_takes_the_rest_of_the_run_and_stays_at_its_end() -> None:
    schedule = Cosine(steps=14, warmup=4, minimum=0.1)
    assert schedule.factor(10) == pytest.approx(0.1 + 0.9 * (1 + math.cos(math.pi * 5 / 10)) / 2)
    assert schedule.factor(15) == schedule.factor(99) == pytest.approx(0.1)


@pytest.mark.parametrize(
    ("key", "make"),
    [
        ("warmup", lambda: Constant(warmup=-1)),
        ("warmup", lambda: Cosine(steps=5, warmup=5)),
        ("minimum", lambda: Cosine(steps=5, minimum=1.5)),
        ("milestones", lambda: Multistep([5, 3])),
        ("milestones", lambda: Multistep([0])),
        ("gamma", lambda: Multistep([5], gamma=0)),
    ],
)
def test_refuses_what_makes_no_sense(key: str, make: Callable) -> None:
    with pytest.raises(OptionError) as caught:
        make()
    assert caught.value.key == key
