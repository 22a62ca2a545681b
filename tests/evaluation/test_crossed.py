"""Intervals over images and seeds: how often they miss where there is no difference, and what they come to."""

from __future__ import annotations

import numpy as np
import pytest
from scipy import stats

from srkit.evaluation.crossed import crossed_difference, crossed_intervals
from srkit.evaluation.statistics import paired_difference


@pytest.mark.parametrize("images, seeds", [(12, 2), (25, 3), (25, 5)])
@pytest.mark.parametrize("shares", [(1, 0, 0.2), (1, 0.3, 0.3), (0.3, 0.3, 0.3), (0.1, 1, 0.1)])
def test_they_miss_in_at_most_one_case_of_twenty(images: int, seeds: int, shares: tuple[float, ...]) -> None:
    """Whatever part of the variance is the images', the seeds' or both of them together's; 1,000 studies each."""
    chance = np.random.default_rng(3)
    of_images, of_seeds, of_both = shares
    differences = of_images * chance.laplace(size=(1, images, 1000)) / 2**0.5
    differences = differences + of_seeds * chance.normal(size=(seeds, 1, 1000))
    differences = differences + of_both * chance.normal(size=(seeds, images, 1000))
    _, low, high = crossed_intervals(differences)
    missed = int(((low > 0) | (high < 0)).sum())
    assert missed <= 1000 * 0.05 + 3 * (1000 * 0.05 * 0.95) ** 0.5


def test_where_seeds_are_all_that_varies_it_is_student_s() -> None:
    means = np.array([0.3, 0.5, 0.1])
    table = np.repeat(means[:, None], 8, 1)
    gap = crossed_difference(table.tolist(), np.zeros_like(table).tolist())
    assert gap is not None
    low, high = stats.t.interval(0.95, 2, means.mean(), stats.sem(means))
    assert (gap.mean, gap.low, gap.high) == pytest.approx((0.3, low, high))


def test_with_one_seed_it_is_the_interval_over_images() -> None:
    values = np.random.default_rng(1).normal(0.5, 1, 20).tolist()
    assert crossed_difference([values], [[0.0] * 20]) == paired_difference(values, [0.0] * 20)


def test_too_few_images_infinite_scores_and_nothing() -> None:
    gap = crossed_difference([[1.0, 2.0, 3.0]] * 3, [[0.0] * 3] * 3)
    assert gap is not None and (gap.mean, gap.low, gap.high) == (2.0, None, None)
    assert crossed_difference([[1.0, None]], [[0.0, 0.0]]) is None
    assert crossed_difference([], []) is None
    with pytest.raises(ValueError, match="same seeds and images"):
        crossed_difference([[1.0], [2.0]], [[1.0]])
