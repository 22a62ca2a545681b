"""Streams depend on their key alone: not on the batch, the order, the device or what was drawn before elsewhere."""

from __future__ import annotations

import itertools

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from srkit.draws import SampleDraws, StreamKey, derived_seed

KEY = StreamKey(seed=12, attempt=0, step=5)


def drawn(samples: list[int], name: str = "jpeg", key: StreamKey = KEY) -> torch.Tensor:
    """(B, 4): one of everything."""
    draws = SampleDraws(key, samples, name)
    columns = [draws.uniform(), draws.integers(0, 10**6).float(), draws.normal(1).squeeze(1)]
    columns.append(torch.tensor(draws.choice(list(range(1000)))).float())
    return torch.stack(columns, 1)


@settings(max_examples=30, deadline=None)
@given(st.lists(st.integers(0, 50), min_size=1, max_size=8, unique=True), st.randoms())
def test_a_sample_draws_the_same_in_any_company_and_order(samples: list[int], random: object) -> None:
    alone = {sample: drawn([sample])[0] for sample in samples}
    shuffled = sorted(samples, key=lambda _: random.random())  # type: ignore[attr-defined]
    for sample, row in zip(shuffled, drawn(shuffled), strict=True):
        assert torch.equal(row, alone[sample])


def test_entries_do_not_disturb_each_other() -> None:
    first, second = SampleDraws(KEY, [0, 1], "a"), SampleDraws(KEY, [0, 1], "b")
    together = [torch.stack([first.uniform(), second.uniform()]) for _ in range(3)]
    alone = SampleDraws(KEY, [0, 1], "b")
    for pair in together:
        assert torch.equal(pair[1], alone.uniform())


def test_the_global_stream_neither_matters_nor_moves() -> None:
    torch.manual_seed(1)
    before = drawn([0, 1])
    state = torch.get_rng_state()
    torch.manual_seed(2)
    assert torch.equal(drawn([0, 1]), before)
    torch.manual_seed(1)
    assert torch.equal(torch.get_rng_state(), state)


def test_every_part_of_the_key_separates() -> None:
    keys = [StreamKey(*parts) for parts in itertools.product((0, 1), (0, 1), (0, 1), (0, 1))]
    rows = [drawn([sample], name, key) for key in keys for sample in (0, 1) for name in ("a", "b", "a/b")]
    firsts = {float(row[0, 0]) for row in rows}
    assert len(firsts) == len(rows)


def test_parts_of_the_key_do_not_run_into_each_other() -> None:
    assert len({derived_seed(1, 11), derived_seed(11, 1), derived_seed(111), derived_seed("1", "1", "1")}) == 4
    assert all(0 <= derived_seed(seed) < 2**63 for seed in range(1000))


def test_children_are_streams_of_their_own() -> None:
    parent = SampleDraws(KEY, [0, 1], "loss")
    child, other = parent.child("shift"), parent.child("noise")
    values = [float(one.uniform()[0]) for one in (parent, child, other, child.child("noise"))]
    assert len(set(values)) == 4
    assert torch.equal(
        SampleDraws(KEY, [0, 1], "loss").child("shift").uniform(), SampleDraws(KEY, [0, 1], "loss/shift").uniform()
    )
    assert len(child) == 2


def test_each_call_goes_on() -> None:
    draws = SampleDraws(KEY, [3], "x")
    assert len({float(draws.uniform()) for _ in range(50)}) == 50


MANY = list(range(20000))


def test_statistics() -> None:
    draws = SampleDraws(KEY, MANY, "x")
    uniform = draws.uniform(-1, 3)
    assert uniform.dtype == torch.float32 and uniform.min() >= -1 and uniform.max() < 3
    assert uniform.mean().item() == pytest.approx(1, abs=0.04) and uniform.std().item() == pytest.approx(
        4 / 12**0.5, abs=0.02
    )
    assert torch.corrcoef(torch.stack([uniform[:-1], uniform[1:]]))[0, 1].abs() < 0.03
    normal = draws.normal(2, 1)
    assert normal.shape == (len(MANY), 2, 1)
    assert normal.mean().abs() < 0.02 and normal.std().item() == pytest.approx(1, abs=0.02)
    counts = torch.bincount(draws.integers(2, 5))
    assert counts[:2].sum() == 0 and len(counts) == 6
    assert (counts[2:].float() / len(MANY) - 0.25).abs().max() < 0.02


def test_neighbouring_steps_are_not_alike() -> None:
    steps = torch.stack([SampleDraws(StreamKey(0, 0, step), MANY[:3000], "x").uniform() for step in (1, 2, 3)])
    assert (torch.corrcoef(steps) - torch.eye(3)).abs().max() < 0.06


def test_weighted_choice() -> None:
    picks = SampleDraws(KEY, MANY, "x").choice(["never", "often", "seldom", "nor this"], [0, 3, 1, 0])
    assert set(picks) == {"often", "seldom"}
    assert picks.count("often") / len(picks) == pytest.approx(0.75, abs=0.02)
    assert SampleDraws(KEY, [0, 1], "x").choice([None]) == [None, None]


@pytest.mark.parametrize(("low", "high"), [(1e6, 1e6 + 1), (0.1, 0.3), (-1e-30, 0.0), (0.0, 1e-40), (50, 95)])
def test_uniform_leaves_its_end_out(low: float, high: float) -> None:
    values = SampleDraws(KEY, MANY[:5000], "x").uniform(low, high)
    assert (values >= torch.tensor(low)).all() and (values < torch.tensor(high)).all()


def test_uniform_of_one_value() -> None:
    assert SampleDraws(KEY, [0, 1], "x").uniform(2.0, 2.0).tolist() == [2.0, 2.0]
