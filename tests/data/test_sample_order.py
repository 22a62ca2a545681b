"""The endless stream: permutations by epoch, found by position alone."""

import pickle

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from srkit.data.order import SampleOrder


@settings(max_examples=50, deadline=None)
@given(length=st.integers(1, 60), seed=st.integers(0, 2**63), epoch=st.integers(0, 10_000))
def test_each_epoch_is_a_permutation(length, seed, epoch):
    order = SampleOrder(length, seed)
    assert sorted(order.index(epoch * length + place) for place in range(length)) == list(range(length))


@settings(max_examples=30, deadline=None)
@given(length=st.integers(1, 40), seed=st.integers(0, 1000), positions=st.lists(st.integers(0, 500), max_size=20))
def test_a_position_needs_no_history(length, seed, positions):
    walked = SampleOrder(length, seed)
    stream = [walked.index(position) for position in range(501)]
    jumped = SampleOrder(length, seed)
    assert [jumped.index(position) for position in positions] == [stream[position] for position in positions]


def test_seed_and_epoch_change_the_order():
    def epoch(seed: int, number: int) -> list[int]:
        order = SampleOrder(50, seed)
        return [order.index(number * 50 + place) for place in range(50)]

    assert epoch(1, 0) == epoch(1, 0)
    assert epoch(1, 0) != epoch(2, 0)
    assert epoch(1, 0) != epoch(1, 1)
    # A sampler that adds seed and epoch would give these two the same order.
    assert epoch(1, 1) != epoch(2, 0)


def test_memory_stays_bounded():
    order = SampleOrder(3, 5)
    for position in range(300):
        order.index(position)
    assert len(order._epochs) <= 2
    assert pickle.loads(pickle.dumps(order)).index(301) == SampleOrder(3, 5).index(301)
    with pytest.raises(ValueError, match="at least one"):
        SampleOrder(0, 5)
