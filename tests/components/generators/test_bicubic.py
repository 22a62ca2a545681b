"""The bicubic baseline against an imresize written out in numpy and against Pillow."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image

from srkit.components.generators.bicubic import Bicubic
from srkit.errors import OptionError


def imresize_matrix(length: int, scale: int) -> np.ndarray:
    """MATLAB's `contributions`, as its source has it: 1-based places, symmetric borders, weights normalized."""

    def kernel(x: np.ndarray) -> np.ndarray:
        x = np.abs(x)
        near, far = 1.5 * x**3 - 2.5 * x**2 + 1, -0.5 * x**3 + 2.5 * x**2 - 4 * x + 2
        return near * (x <= 1) + far * ((x > 1) & (x <= 2))

    matrix = np.zeros((length * scale, length))
    mirror = np.concatenate([np.arange(length), np.arange(length)[::-1]])
    for row in range(length * scale):
        u = (row + 1) / scale + 0.5 * (1 - 1 / scale)
        places = np.floor(u - 2) + np.arange(6)
        weights = kernel(u - places)
        weights /= weights.sum()
        for place, weight in zip(places, weights, strict=True):
            matrix[row, mirror[int(place - 1) % (2 * length)]] += weight
    return matrix


def imresize(image: np.ndarray, scale: int) -> np.ndarray:
    rows, columns = imresize_matrix(image.shape[-2], scale), imresize_matrix(image.shape[-1], scale)
    return rows @ image @ columns.T


@settings(max_examples=40, deadline=None)
@given(st.integers(1, 12), st.integers(1, 12), st.integers(1, 8), st.integers(0, 2**31))
def test_equals_matlabs_imresize(height: int, width: int, scale: int, seed: int) -> None:
    lr = np.random.default_rng(seed).random((2, 3, height, width))
    sr = Bicubic(scale)(torch.from_numpy(lr)).numpy()
    np.testing.assert_allclose(sr, imresize(lr, scale), atol=1e-12)


@pytest.mark.parametrize("scale", [2, 3, 4])
def test_agrees_with_pillow_inside(scale: int) -> None:
    lr = np.random.default_rng(1).random((20, 17), dtype=np.float32)
    enlarged = Image.fromarray(lr, mode="F").resize((17 * scale, 20 * scale), Image.Resampling.BICUBIC)
    sr = Bicubic(scale)(torch.from_numpy(lr).expand(1, 3, 20, 17))[0, 1].numpy()
    inside = np.s_[2 * scale : -2 * scale, 2 * scale : -2 * scale]
    np.testing.assert_allclose(sr[inside], np.asarray(enlarged)[inside], atol=1e-5)


def test_has_nothing_to_train_and_nothing_to_save() -> None:
    net = Bicubic(scale=2)
    assert list(net.parameters()) == [] and net.state_dict() == {}


def test_works_on_meta_and_in_half_precision() -> None:
    assert Bicubic(3)(torch.empty(1, 3, 5, 7, device="meta")).shape == (1, 3, 15, 21)
    lr = torch.rand(1, 3, 6, 6, generator=torch.Generator().manual_seed(0))
    half = Bicubic(2)(lr.bfloat16())
    assert half.dtype == torch.bfloat16
    torch.testing.assert_close(half, Bicubic(2)(lr.bfloat16().float()).bfloat16())


def test_autocast_leaves_it_alone() -> None:
    lr = torch.rand(1, 3, 6, 6, generator=torch.Generator().manual_seed(0))
    with torch.autocast("cpu", dtype=torch.bfloat16):
        assert torch.equal(Bicubic(2)(lr), Bicubic(2)(lr.clone()))
        sr = Bicubic(2)(lr)
    assert torch.equal(sr, Bicubic(2)(lr))


def test_refuses_scale_zero() -> None:
    with pytest.raises(OptionError, match="scale"):
        Bicubic(0)
