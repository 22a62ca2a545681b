"""Restarts against torch's own and BasicSR's rules written out again; plateau against torch's own."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Callable

import pytest
import torch

from srkit.components.schedules.cosine_restarts import CosineRestarts
from srkit.components.schedules.multistep_restarts import MultistepRestarts
from srkit.components.schedules.plateau import Plateau
from srkit.errors import OptionError


def optimizer() -> torch.optim.Optimizer:
    return torch.optim.SGD([torch.nn.Parameter(torch.zeros(1))], lr=1.0)


def test_cosine_restarts_against_torch_where_periods_are_alike_or_double() -> None:
    for periods, growth in (([5, 5, 5], 1), ([3, 6, 12], 2)):
        own = optimizer()
        theirs = torch.optim.lr_scheduler.CosineAnnealingWarmRestarts(own, periods[0], growth, eta_min=0.1)
        ours = CosineRestarts(periods, minimum=0.1)
        for step in range(1, sum(periods) + 1):
            assert ours.factor(step) == pytest.approx(own.param_groups[0]["lr"]), (periods, step)
            own.step()
            theirs.step()


def basicsr_cosine(epoch: int, periods: list[int], weights: list[float], minimum: float) -> float:
    """CosineAnnealingRestartLR.get_lr of BasicSR for a base rate of 1; epoch counts from 0."""
    cumulative = [sum(periods[: number + 1]) for number in range(len(periods))]
    number = next(number for number, end in enumerate(cumulative) if epoch < end)
    start = 0 if number == 0 else cumulative[number - 1]
    return minimum + weights[number] * 0.5 * (1 - minimum) * (1 + math.cos(math.pi * (epoch - start) / periods[number]))


def test_cosine_restarts_with_weights_against_basicsr() -> None:
    ours = CosineRestarts([4, 7, 5], [1.0, 0.5, 0.25])
    for step in range(1, 17):
        assert ours.factor(step) == pytest.approx(basicsr_cosine(step - 1, [4, 7, 5], [1, 0.5, 0.25], 0.0))
    assert ours.factor(17) == ours.factor(999) == 0


def test_cosine_restarts_begin_after_the_warmup() -> None:
    ours = CosineRestarts([4, 4], minimum=0.1, warmup=2)
    assert [ours.factor(step) for step in (1, 2, 3, 7)] == pytest.approx([0.5, 1, 1, 1])
    assert ours.factor(11) == pytest.approx(0.1)


def basicsr_multistep(
    steps: int, milestones: list[int], restarts: list[int], weights: list[float], gamma: float
) -> list[float]:
    """MultiStepRestartLR of BasicSR, called once before each update, for a base rate of 1."""
    counts, rates, rate = Counter(milestones), [], 1.0
    for epoch in range(steps):
        if epoch in restarts:
            rate = weights[restarts.index(epoch)]
        elif epoch in counts:
            rate *= gamma ** counts[epoch]
        rates.append(rate)
    return rates


def test_multistep_restarts_against_basicsr() -> None:
    arguments = ([2, 4, 9, 11], [6, 13], [0.5, 1.0], 0.1)
    ours = MultistepRestarts(arguments[0], arguments[1], arguments[2], gamma=arguments[3])
    assert [ours.factor(step) for step in range(1, 17)] == pytest.approx(basicsr_multistep(16, *arguments))
    plain = MultistepRestarts([2, 4], [6], gamma=0.1, warmup=2)
    assert [plain.factor(step) for step in (1, 2, 3, 5, 7)] == pytest.approx([0.5, 1, 0.1, 0.01, 1])


@pytest.mark.parametrize("higher", [True, False])
def test_plateau_against_torch(higher: bool) -> None:
    values = [1, 2, 2.1, 2.2, 2.2, 1, 5, 5, 5, 4, 4, 4, 4, 4, 9, 9.05, 9, 9, 9, 9, 9, 9, 9, 9, 9]
    values = values if higher else [-value for value in values]
    own = optimizer()
    theirs = torch.optim.lr_scheduler.ReduceLROnPlateau(
        own,
        mode="max" if higher else "min",
        factor=0.5,
        patience=2,
        threshold=0.15,
        threshold_mode="abs",
        cooldown=1,
        min_lr=0.07,
        eps=0,
    )
    ours = Plateau(gamma=0.5, patience=2, threshold=0.15, cooldown=1, minimum=0.07)
    for step, value in enumerate(values, 1):
        ours.observe(value, higher)
        theirs.step(value)
        assert ours.factor(step) == pytest.approx(own.param_groups[0]["lr"]), step
    assert ours.factor(1) == pytest.approx(0.07)


def test_plateau_bears_an_infinite_metric_and_goes_on_from_its_state() -> None:
    ours = Plateau(patience=0)
    for value in (math.inf, math.inf, 30.0):
        ours.observe(value, True)
    assert ours.factor(1) == 0.25
    again = Plateau(patience=0)
    again.load_state_dict(ours.state_dict())
    assert again.state_dict() == ours.state_dict() and again.factor(1) == 0.25


@pytest.mark.parametrize(
    ("key", "make"),
    [
        ("periods", lambda: CosineRestarts([])),
        ("periods", lambda: CosineRestarts([5, 0])),
        ("weights", lambda: CosineRestarts([5, 5], [1.0])),
        ("minimum", lambda: CosineRestarts([5], [0.1], minimum=0.2)),
        ("warmup", lambda: CosineRestarts([5], warmup=-1)),
        ("milestones", lambda: MultistepRestarts([5, 3], [9])),
        ("milestones", lambda: MultistepRestarts([5, 9], [9])),
        ("restarts", lambda: MultistepRestarts([5], [9, 9])),
        ("weights", lambda: MultistepRestarts([5], [9], [1.0, 0.5])),
        ("gamma", lambda: MultistepRestarts([5], [9], gamma=0)),
        ("gamma", lambda: Plateau(gamma=1.0)),
        ("warmup", lambda: Plateau(warmup=-1)),
    ],
)
def test_refuses_what_makes_no_sense(key: str, make: Callable) -> None:
    with pytest.raises(OptionError) as caught:
        make()
    assert caught.value.key == key
