"""PSNR against numpy and scikit-image, on luma as MATLAB has it."""

from __future__ import annotations

import numpy as np
import torch
from skimage.color import rgb2ycbcr
from skimage.metrics import peak_signal_noise_ratio
from torch import Tensor

from srkit.components.metrics.psnr import PsnrRgb, PsnrY


def images(seed: int) -> Tensor:
    levels = torch.randint(0, 256, (2, 3, 17, 13), generator=torch.Generator().manual_seed(seed))
    return levels.float() / 255


def test_luma_against_skimages_rgb2ycbcr() -> None:
    sr, hr = images(1), images(2)
    values = PsnrY()(sr, hr)
    assert values.shape == (2,) and values.dtype == torch.float64
    for one_sr, one_hr, value in zip(sr, hr, values, strict=True):
        y = [rgb2ycbcr(image.permute(1, 2, 0).numpy())[..., 0] for image in (one_hr, one_sr)]
        np.testing.assert_allclose(value, peak_signal_noise_ratio(y[0], y[1], data_range=255), rtol=1e-6)


def test_luma_of_black_white_and_the_primaries() -> None:
    # MATLAB: rgb2ycbcr of 0 is 16, of 1 is 235. A difference of d everywhere has a PSNR of 20 log10(255 / d).
    black, white = torch.zeros(1, 3, 8, 8), torch.ones(1, 3, 8, 8)
    np.testing.assert_allclose(PsnrY()(white, black).item(), 20 * np.log10(255 / 219), rtol=1e-9)
    for channel, span in enumerate((65.481, 128.553, 24.966)):
        primary = black.clone()
        primary[:, channel] = 1
        np.testing.assert_allclose(PsnrY()(primary, black).item(), 20 * np.log10(255 / span), rtol=1e-9)


def test_rgb_against_skimage() -> None:
    sr, hr = images(3), images(4)
    expected = [
        peak_signal_noise_ratio(one.double().numpy(), other.double().numpy(), data_range=1)
        for one, other in zip(hr, sr, strict=True)
    ]
    np.testing.assert_allclose(PsnrRgb()(sr, hr).numpy(), expected, rtol=1e-6)


def test_equal_pictures_are_infinitely_alike() -> None:
    hr = images(5)
    assert PsnrY()(hr, hr.clone()).tolist() == PsnrRgb()(hr, hr.clone()).tolist() == [float("inf")] * 2


def test_what_a_table_needs_to_know() -> None:
    for metric in (PsnrY(), PsnrRgb()):
        assert metric.unit == "dB" and metric.higher_is_better
