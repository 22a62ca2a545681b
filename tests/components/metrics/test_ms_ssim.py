"""MS-SSIM against its formula with scipy's filter, and its ends."""

from __future__ import annotations

import numpy as np
import pytest
import skimage.data
import torch
import torch.nn.functional as F
from scipy.ndimage import gaussian_filter
from torch import Tensor

from srkit.components.metrics.ms_ssim import MsSsim
from srkit.components.metrics.planes import luma
from srkit.errors import UserError


def photos() -> tuple[Tensor, Tensor]:
    """A blurred and noisy copy of two crops, and these."""
    whole = torch.from_numpy(skimage.data.astronaut().copy()).permute(2, 0, 1) / 255
    hr = torch.stack([whole[:, :181, 150:340], whole[:, 300:481, 100:290]])
    noise = 0.05 * torch.randn(hr.shape, generator=torch.Generator().manual_seed(2))
    return (F.avg_pool2d(hr, 3, 1, 1) + noise).clamp(0, 1), hr


def reference(sr: np.ndarray, hr: np.ndarray) -> float:
    """The paper's formula with scipy's Gaussian, cut to where the 11 x 11 window fits."""

    def mean(plane: np.ndarray) -> np.ndarray:
        return gaussian_filter(plane, 1.5, truncate=3.5)[5:-5, 5:-5]

    value, c1, c2 = 1.0, (0.01 * 255) ** 2, (0.03 * 255) ** 2
    for level, weight in enumerate((0.0448, 0.2856, 0.3001, 0.2363, 0.1333)):
        if level:
            height, width = sr.shape[0] // 2, sr.shape[1] // 2
            sr, hr = (one[: 2 * height, : 2 * width].reshape(height, 2, width, 2).mean((1, 3)) for one in (sr, hr))
        a, b = mean(sr), mean(hr)
        contrast = (2 * (mean(sr * hr) - a * b) + c2) / (mean(sr**2) - a**2 + mean(hr**2) - b**2 + c2)
        light = (2 * a * b + c1) / (a**2 + b**2 + c1)
        value *= np.mean(light * contrast if level == 4 else contrast) ** weight
    return float(value)


def test_equals_its_formula() -> None:
    sr, hr = photos()
    expected = [reference(a[0].numpy(), b[0].numpy()) for a, b in zip(luma(sr), luma(hr), strict=True)]
    assert MsSsim()(sr, hr).tolist() == pytest.approx(expected, rel=1e-10)
    assert 0.5 < min(expected) < max(expected) < 0.99


def test_equal_pictures_and_opposites() -> None:
    _, hr = photos()
    assert MsSsim()(hr, hr).tolist() == pytest.approx([1, 1])
    assert MsSsim()(1 - hr, hr).max() < 0.1


def test_small_pictures_are_refused_in_words() -> None:
    enough = torch.rand(1, 3, 176, 180)
    assert MsSsim()(enough, enough).item() == pytest.approx(1)
    with pytest.raises(UserError, match="at least 176 pixels a side after the border is cropped, got 180 x 175"):
        MsSsim()(enough[:, :, 1:], enough[:, :, 1:])
