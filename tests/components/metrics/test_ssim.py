"""SSIM against scikit-image inside its border and against a window written out in numpy."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from skimage.color import rgb2ycbcr
from skimage.metrics import structural_similarity
from torch import Tensor

from srkit.components.metrics.ssim import SsimRgb, SsimY
from srkit.errors import UserError


def pair(height: int = 30, width: int = 26) -> tuple[Tensor, Tensor]:
    stream = torch.Generator().manual_seed(7)
    ramp = torch.linspace(20, 200, width).expand(2, 3, height, width)
    hr = (ramp + 40 * torch.randn(2, 3, height, width, generator=stream)).clamp(0, 255).round() / 255
    sr = (hr * 255 + 15 * torch.randn(2, 3, height, width, generator=stream)).clamp(0, 255).round() / 255
    return sr, hr


def valid_ssim(x: np.ndarray, y: np.ndarray) -> float:
    """Wang 2004 word by word: weighted statistics in each 11 x 11 window that fits."""
    offsets = np.arange(11) - 5
    window = np.exp(-(offsets[:, None] ** 2 + offsets**2) / (2 * 1.5**2))
    window /= window.sum()
    c1, c2 = (0.01 * 255) ** 2, (0.03 * 255) ** 2
    values = []
    for top in range(x.shape[0] - 10):
        for left in range(x.shape[1] - 10):
            a, b = x[top : top + 11, left : left + 11], y[top : top + 11, left : left + 11]
            mean_a, mean_b = (window * a).sum(), (window * b).sum()
            var_a, var_b = (window * (a - mean_a) ** 2).sum(), (window * (b - mean_b) ** 2).sum()
            cov = (window * (a - mean_a) * (b - mean_b)).sum()
            light = (2 * mean_a * mean_b + c1) / (mean_a**2 + mean_b**2 + c1)
            values.append(light * (2 * cov + c2) / (var_a + var_b + c2))
    return float(np.mean(values))


def planes(image: Tensor) -> np.ndarray:
    return image.double().permute(1, 2, 0).numpy()


def test_luma_against_numpy() -> None:
    sr, hr = pair()
    values = SsimY()(sr, hr)
    assert values.shape == (2,) and values.dtype == torch.float64
    for one_sr, one_hr, value in zip(sr, hr, values, strict=True):
        expected = valid_ssim(rgb2ycbcr(planes(one_sr))[..., 0], rgb2ycbcr(planes(one_hr))[..., 0])
        np.testing.assert_allclose(value, expected, rtol=1e-9)


def test_luma_against_skimage() -> None:
    sr, hr = pair(48, 40)
    for one_sr, one_hr, value in zip(sr, hr, SsimY()(sr, hr), strict=True):
        # skimage's mean leaves out (11 - 1) / 2 pixels at each side: the same windows as "valid".
        expected = structural_similarity(
            rgb2ycbcr(planes(one_hr))[..., 0],
            rgb2ycbcr(planes(one_sr))[..., 0],
            gaussian_weights=True,
            sigma=1.5,
            use_sample_covariance=False,
            data_range=255,
        )
        np.testing.assert_allclose(value, expected, rtol=1e-6)


def test_rgb_is_the_mean_of_the_channels() -> None:
    sr, hr = pair(20, 24)
    for one_sr, one_hr, value in zip(sr, hr, SsimRgb()(sr, hr), strict=True):
        channels = [valid_ssim(planes(one_sr)[..., c] * 255, planes(one_hr)[..., c] * 255) for c in range(3)]
        np.testing.assert_allclose(value, np.mean(channels), rtol=1e-9)


def test_equal_pictures_score_one_and_all_is_said() -> None:
    _, hr = pair()
    for metric in (SsimY(), SsimRgb()):
        assert metric(hr, hr.clone()).tolist() == [1.0, 1.0]
        assert metric.unit == "" and metric.higher_is_better


def test_a_picture_smaller_than_the_window_is_the_users_error() -> None:
    sr, hr = pair(10, 30)
    with pytest.raises(UserError, match="at least 11 pixels a side after the border is cropped, got 30 x 10"):
        SsimY()(sr, hr)
