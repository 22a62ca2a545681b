"""Intervals hold what they promise: simulated comparisons, and what happens where there is nothing to go by."""

from __future__ import annotations

from dataclasses import astuple

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from srkit.evaluation.statistics import Difference, intervals, paired_difference, paired_differences

COMPARISONS, IMAGES = 2000, 25


def misses(draw: str, images: int = IMAGES, true: float = 0.0) -> float:
    """The share of simulated comparisons whose interval leaves out the true difference."""
    rng = np.random.default_rng(7)
    size = (images, COMPARISONS)
    drawn = {
        "normal": lambda: rng.normal(size=size),
        "laplace": lambda: rng.laplace(size=size),
        "t3": lambda: rng.standard_t(3, size=size),
    }[draw]()
    _, low, high = intervals(drawn + true)
    return float(((low > true) | (high < true)).mean())


@pytest.mark.parametrize("draw", ["normal", "laplace"])
def test_without_a_difference_the_interval_misses_zero_in_about_5_percent(draw: str) -> None:
    assert 0.035 <= misses(draw) <= 0.065


def test_heavy_tails_do_not_break_it() -> None:
    assert misses("t3") <= 0.08


@pytest.mark.parametrize("images", [5, 10, 100])
def test_few_images_make_it_careful_and_not_wrong(images: int) -> None:
    assert misses("normal", images, true=3.0) <= 0.065


def test_it_is_a_t_interval_where_differences_are_normal_and_many() -> None:
    """Against Student's t of scipy."""
    from scipy import stats

    drawn = np.random.default_rng(1).normal(0.3, 2.0, size=(400, 3))
    means, low, high = intervals(drawn)
    student = stats.t.ppf(0.975, 399) * drawn.std(0, ddof=1) / 20
    assert means == pytest.approx(drawn.mean(0))
    assert high - means == pytest.approx(student, rel=0.08)
    assert means - low == pytest.approx(student, rel=0.08)


def test_it_leans_as_the_differences_do() -> None:
    """Of differences with a long tail upwards the mean is more likely too low than too high."""
    drawn = np.random.default_rng(1).exponential(size=(25, 200))
    means, low, high = intervals(drawn)
    assert np.median((high - means) / (means - low)) > 1.2


def test_the_same_scores_give_the_same_interval_whatever_stands_beside_them() -> None:
    rng = np.random.default_rng(3)
    one, other, base = (rng.normal(size=12).tolist() for _ in range(3))
    together, alone = paired_differences([one, other], base)[0], paired_difference(one, base)
    assert together is not None and alone is not None
    assert astuple(together) == pytest.approx(astuple(alone))


def test_equal_differences_have_an_interval_without_width() -> None:
    gap = paired_difference([30.5, 31.5, 29.5, 33.5], [30.0, 31.0, 29.0, 33.0])
    assert gap == Difference(0.5, 0.5, 0.5) and gap.is_certain
    same = paired_difference([1.0, 2.0, 3.0, 4.0], [1.0, 2.0, 3.0, 4.0])
    assert same == Difference(0.0, 0.0, 0.0) and not same.is_certain


def test_there_is_nothing_to_tell_of_few_or_infinite_scores() -> None:
    assert paired_difference([2.0, 3.0, 4.0], [1.0, 1.0, 1.0]) == Difference(2.0)
    assert not Difference(2.0).is_certain
    assert paired_difference([1.0, None], [1.0, 2.0]) is None
    assert paired_difference([1.0, 2.0], [1.0, None]) is None
    assert paired_differences([[], [1.0]], []) == [None, None]


def test_one_image_that_differs_among_few_tells_nothing() -> None:
    gap = paired_difference([0.0, 0.0, 0.0, 5.0], [0.0] * 4)
    assert gap == Difference(1.25)


VALUES = st.lists(st.integers(-1000, 1000).map(float), min_size=4, max_size=40)


@given(VALUES, st.integers(-1000, 1000), st.sampled_from([0.25, 1.0, 8.0]))
def test_it_moves_and_stretches_with_the_scores(values: list[float], shift: int, factor: float) -> None:
    plain = paired_difference(values, [0.0] * len(values))
    moved = paired_difference([one * factor + shift for one in values], [0.0] * len(values))
    assert plain is not None and moved is not None
    assert (plain.low is None) == (moved.low is None)
    for before, after in zip(astuple(plain), astuple(moved), strict=True):
        if before is not None:
            assert after == pytest.approx(before * factor + shift, rel=1e-6, abs=1e-6)
