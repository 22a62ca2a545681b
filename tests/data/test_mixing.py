"""Mixup, cutmix and cutblur against formulas written in numpy, and what they depend on."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from srkit.data.mixing import Mixing, Pool
from srkit.draws import SampleDraws, StreamKey

SCALE, SIDE, BATCH = 2, 10, 6


def batch(count: int = BATCH) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
    random = np.random.default_rng(4)
    lr = random.integers(0, 256, (count, 3, SIDE, SIDE)) / 255
    hr, changed = random.random((2, count, 3, SIDE * SCALE, SIDE * SCALE))
    return torch.tensor(lr).float(), torch.tensor(hr).float(), torch.tensor(changed).float()


def draws(step: int = 3, slots: tuple[int, ...] = tuple(range(BATCH))) -> SampleDraws:
    return SampleDraws(StreamKey(1, 0, step), slots, "mixing")


def mixing(mixup: float = 0, cutmix: float = 0, cutblur: float = 0) -> Mixing:
    return Mixing(mixup, cutmix, cutblur, 1.2, 0.7, SCALE)


def on_grid(lr: np.ndarray) -> np.ndarray:
    return np.round(lr * 255) / 255


@pytest.mark.parametrize("kind", ["mixup", "cutmix", "cutblur"])
def test_each_follows_its_formula(kind: str) -> None:
    lr, hr, changed = (one.double() for one in batch())
    one = mixing(**{kind: 1.0})
    slots = tuple(range(BATCH))
    found = one(lr, hr, changed, draws(), slots, BATCH)
    mixes = one.drawn(draws(), slots, BATCH, (SIDE, SIDE))
    low, high, other = (part.numpy() for part in (lr, hr, changed))
    for place, mix in enumerate(mixes):
        top, left, height, width = mix.box
        small = np.zeros((SIDE, SIDE))
        small[top : top + height, left : left + width] = 1
        large = np.kron(small, np.ones((SCALE, SCALE)))
        if kind == "mixup":
            small, large = np.full_like(small, 1 - mix.share), np.full_like(large, 1 - mix.share)
        if kind == "cutblur":
            mask = 1 - small if mix.outside else small
            clean = high[place].reshape(3, SIDE, SCALE, SIDE, SCALE).mean((2, 4))
            wanted = low[place] * (1 - mask) + clean * mask, high[place], other[place]
        else:
            partner = mix.partner
            wanted = (
                low[place] * (1 - small) + low[partner] * small,
                high[place] * (1 - large) + high[partner] * large,
                other[place] * (1 - large) + other[partner] * large,
            )
        assert mix.kind == kind and mix.partner != place
        np.testing.assert_allclose(found[0][place], on_grid(wanted[0]), atol=1 / 254)
        np.testing.assert_allclose(found[0][place] * 255, np.round(found[0][place] * 255), atol=1e-6)
        np.testing.assert_allclose(found[1][place], wanted[1], atol=1e-12)
        assert found[2] is not None
        np.testing.assert_allclose(found[2][place], wanted[2], atol=1e-12)


def test_they_happen_as_often_as_they_should_and_one_at_most() -> None:
    one = mixing(0.2, 0.3, 0.1)
    kinds, partners, shares = [], [], []
    for step in range(150):
        for mix in one.drawn(draws(step), range(BATCH), BATCH, (SIDE, SIDE)):
            kinds.append(mix.kind)
            partners.append(mix.partner)
            shares.append(mix.share)
    for kind, share in {"mixup": 0.2, "cutmix": 0.3, "cutblur": 0.1, "": 0.4}.items():
        assert kinds.count(kind) / len(kinds) == pytest.approx(share, abs=0.06)
    assert set(partners) == set(range(BATCH))
    assert np.var(shares) == pytest.approx(1 / (4 * (2 * 1.2 + 1)), rel=0.15)  # of Beta(a, a)


def test_a_sample_draws_the_same_whatever_shares_its_batch_and_its_tensor_is_left_alone() -> None:
    one = mixing(0.4, 0.4, 0.2)
    whole = one.drawn(draws(), range(BATCH), BATCH, (SIDE, SIDE))
    assert one.drawn(draws(slots=(2, 3)), (2, 3), BATCH, (SIDE, SIDE)) == whole[2:4]
    assert one.drawn(draws(4), range(BATCH), BATCH, (SIDE, SIDE)) != whole
    lr, hr, _ = batch()
    before = lr.clone(), hr.clone()
    one(lr, hr, None, draws(), range(BATCH), BATCH)
    assert torch.equal(before[0], lr) and torch.equal(before[1], hr)


def test_a_share_of_the_batch_is_mixed_as_in_the_whole_and_cutblur_needs_no_partner() -> None:
    one, pictures = mixing(0.5, 0.4, 0.1), batch()
    whole = one(*pictures, draws(), range(BATCH), BATCH)
    lr, hr, changed = (part[2:4] for part in pictures)
    turned = (5, 4, 3, 2, 1, 0)  # the order in which the processes have the samples
    pool = Pool(turned, *(part[list(turned)] for part in pictures))
    for found, wanted in zip(one(lr, hr, changed, draws(slots=(2, 3)), (2, 3), BATCH, pool), whole, strict=True):
        assert found is not None and wanted is not None and torch.equal(found, wanted[2:4])
    mixing(cutblur=1.0)(lr[:1], hr[:1], None, draws(slots=(0,)), (0,), 1)
