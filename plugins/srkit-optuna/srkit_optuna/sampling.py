"""What is tried next: Optuna's TPE, made a function of the seed, the trial's number and what was tried before."""

from __future__ import annotations

import itertools
from collections.abc import Iterator, Mapping
from typing import Any

from optuna import Study
from optuna.distributions import BaseDistribution, CategoricalDistribution, FloatDistribution, IntDistribution
from optuna.samplers import BaseSampler, TPESampler
from optuna.trial import FrozenTrial

from srkit.seeds import derived_seed
from srkit_optuna.space import MAX_COMBINATIONS, Choices, Parameter, Range, Space, size
from srkit_optuna.standing import counts


def distribution(one: Parameter) -> BaseDistribution:
    """A parameter as Optuna has it."""
    if isinstance(one, Choices):
        return CategoricalDistribution(one.labels)
    if one.whole:
        return IntDistribution(int(one.low), int(one.high), log=one.is_log)
    return FloatDistribution(one.low, one.high, log=one.is_log)


class Sampler(BaseSampler):
    """Tree-structured Parzen estimator; nothing of what it draws depends on which process asks, or asked before.

    A combination that was tried is not tried again, as far as all of them can be counted.

    Args:
        space: the parameters.
        seed: the experiment's.
    """

    def __init__(self, space: Space, seed: int) -> None:
        self.space = space
        self.seed = seed
        self._drawn: dict[int, Mapping[str, Any]] = {}

    def infer_relative_search_space(self, study: Study, trial: FrozenTrial) -> dict[str, BaseDistribution]:
        return {}

    def sample_relative(
        self, study: Study, trial: FrozenTrial, search_space: dict[str, BaseDistribution]
    ) -> dict[str, Any]:
        return {}

    def sample_independent(
        self, study: Study, trial: FrozenTrial, param_name: str, param_distribution: BaseDistribution
    ) -> Any:
        if trial.number not in self._drawn:
            # all at once: what others begin meanwhile must not mix two combinations
            self._drawn = {trial.number: self._draw(study, trial)}
        return self._drawn[trial.number][param_name]

    def _draw(self, study: Study, trial: FrozenTrial) -> dict[str, Any]:
        tried = {_key(one.params) for one in study.get_trials(deepcopy=False) if counts(one) and one.params}
        drawn = {one.key: self._estimate(study, trial, one) for one in self.space}
        if _key(drawn) not in tried or size(self.space) > MAX_COMBINATIONS:
            return drawn
        left = [one for one in combinations(self.space) if _key(one) not in tried]
        return left[derived_seed(self.seed, "left", trial.number) % len(left)] if left else drawn

    def _estimate(self, study: Study, trial: FrozenTrial, one: Parameter) -> Any:
        seed = derived_seed(self.seed, "tune", trial.number, one.key) % 2**32
        estimator = TPESampler(seed=seed, constant_liar=True)
        return estimator.sample_independent(study, trial, one.key, distribution(one))


def combinations(space: Space) -> Iterator[dict[str, Any]]:
    """Every combination of a space that can be counted."""
    values = [_all(one) for one in space]
    for combination in itertools.product(*values):
        yield {one.key: value for one, value in zip(space, combination, strict=True)}


def _all(one: Parameter) -> list[Any]:
    return list(range(int(one.low), int(one.high) + 1)) if isinstance(one, Range) else one.labels


def _key(params: Mapping[str, Any]) -> tuple[tuple[str, str], ...]:
    return tuple(sorted((name, repr(value)) for name, value in params.items()))
