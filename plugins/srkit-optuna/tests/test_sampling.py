"""What is tried next depends on the seed, the trial's number and what was tried, and on nothing else."""

from __future__ import annotations

import math

import optuna
import pytest

from srkit_optuna.sampling import Sampler, distribution
from srkit_optuna.space import parse_parameters
from srkit_optuna.standing import counts

SPACE = parse_parameters(["channels=4,8,16", "lr=1e-5..1e-3", "depth=1..100"])


@pytest.fixture(autouse=True)
def quiet() -> None:
    optuna.logging.set_verbosity(optuna.logging.ERROR)


def study(seed: int, trials: int, every: int, space=SPACE) -> optuna.Study:
    """A study of so many trials; after each `every` of them another process goes on."""
    made = optuna.create_study(direction="maximize", sampler=Sampler(space, seed))
    for number in range(trials):
        if number % every == 0:
            made.sampler = Sampler(space, seed)
        trial = made.ask({one.key: distribution(one) for one in space} if number else {})
        made.tell(trial, -((math.log10(trial.params["lr"]) + 4) ** 2) if "lr" in trial.params else 0.0)
    return made


def test_it_does_not_matter_who_asks() -> None:
    alone, in_turns = study(1, 16, every=99), study(1, 16, every=1)
    assert [one.params for one in alone.trials] == [one.params for one in in_turns.trials]
    assert [one.params for one in alone.trials] != [one.params for one in study(2, 16, every=99).trials]


def test_parameters_are_drawn_apart() -> None:
    space = parse_parameters(["a=0..1.0", "b=0..1.0"])
    drawn = [one.params for one in study(1, 5, every=9, space=space).trials[1:]]
    assert all(one["a"] != one["b"] for one in drawn)


def test_it_learns() -> None:
    rates = [one.params["lr"] for one in study(3, 40, every=99).trials[1:]]
    early, late = rates[:12], rates[-12:]

    def off(some: list[float]) -> float:
        return sum(abs(math.log10(one) + 4) for one in some) / len(some)

    assert off(late) < off(early)


def test_no_combination_is_tried_twice() -> None:
    space = parse_parameters(["channels=4,8,16", "depth=1..4"])
    trials = [one for one in study(5, 13, every=4, space=space).trials if counts(one)]
    assert len({tuple(one.params.items()) for one in trials}) == len(trials) == 12


def test_whole_numbers_stay_whole_and_ends_are_kept() -> None:
    depths = [one.params["depth"] for one in study(7, 30, every=9).trials[1:]]
    assert all(isinstance(one, int) and 1 <= one <= 100 for one in depths)
