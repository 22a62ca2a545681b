"""Metrics of torchmetrics against implementations of others: scikit-image, piq, numpy, scipy."""

from __future__ import annotations

import math

import numpy as np
import piq
import pytest
import torch
from scipy.ndimage import convolve, uniform_filter
from skimage.metrics import structural_similarity
from torch import Tensor

from srkit.errors import UserError
from srkit_iqa.by_torchmetrics import Ergas, PsnrB, Rase, RmseSw, Sam, Scc, Uqi, Vif

Pair = tuple[Tensor, Tensor]


def pictures(images: Tensor) -> list[np.ndarray]:
    """Each as float64 (H, W, 3)."""
    return list(images.double().permute(0, 2, 3, 1).numpy())


def test_uqi_is_ssim_of_scikit_image_without_constants(pair: Pair) -> None:
    settings = {"gaussian_weights": True, "sigma": 1.5, "use_sample_covariance": False, "K1": 0, "K2": 0}
    for value, sr, hr in zip(Uqi()(*pair), *map(pictures, pair), strict=True):
        _, plane = structural_similarity(sr, hr, data_range=1.0, channel_axis=2, full=True, **settings)
        assert value.item() == pytest.approx(plane[5:-5, 5:-5].mean(), abs=2e-3)


def test_vif_is_piqs_on_grey_pictures(pair: Pair) -> None:
    grey = [image.mean(1, keepdim=True).expand(-1, 3, -1, -1) for image in pair]
    wanted = piq.vif_p(*grey, data_range=1.0, reduction="none")
    assert torch.allclose(Vif()(*grey).float(), wanted, atol=2e-3)


def test_sam_is_the_angle_between_colours(pair: Pair) -> None:
    for value, sr, hr in zip(Sam()(*pair), *map(pictures, pair), strict=True):
        cosine = (sr * hr).sum(2) / np.linalg.norm(sr, axis=2) / np.linalg.norm(hr, axis=2)
        assert value.item() == pytest.approx(np.arccos(np.clip(cosine, -1, 1)).mean(), rel=1e-6)


def test_sam_leaves_out_black_pixels(pair: Pair) -> None:
    sr, hr = (image.clone() for image in pair)
    wanted = Sam()(sr[..., 4:], hr[..., 4:])
    hr[..., :4] = 0
    assert torch.allclose(Sam()(sr, hr), wanted)
    assert Sam()(torch.zeros_like(sr), hr).tolist() == [0, 0]


def test_ergas_is_the_formula(pair: Pair) -> None:
    for value, sr, hr in zip(Ergas()(*pair), *map(pictures, pair), strict=True):
        relative = ((sr - hr) ** 2).mean((0, 1)) / hr.mean((0, 1)) ** 2
        assert value.item() == pytest.approx(100 / 4 * math.sqrt(relative.mean()), rel=1e-6)


def test_rmse_sw_is_the_rmse_of_scipys_windows(pair: Pair) -> None:
    for value, sr, hr in zip(RmseSw()(*pair), *map(pictures, pair), strict=True):
        maps = np.sqrt(uniform_filter((255 * (sr - hr)) ** 2, size=(8, 8, 1), mode="reflect"))
        assert value.item() == pytest.approx(maps[4:-4, 4:-4].mean(), rel=2e-2)


def test_scc_compares_what_a_laplacian_finds(pair: Pair) -> None:
    """Detail that is the same but for its sign is anticorrelated, and brightness does not matter."""
    _, hr = pair
    laplacian = np.array([[-1, -1, -1], [-1, 8, -1], [-1, -1, -1]])
    detail = convolve(hr[0, 0].double().numpy(), laplacian)
    assert detail.std() > 0.01
    assert Scc()(0.5 * hr + 0.3, hr).min() > 0.99
    assert Scc()(1 - hr, hr).max() < -0.99


def test_rase_does_not_depend_on_the_exposure(pair: Pair) -> None:
    sr, hr = pair
    assert torch.allclose(Rase()(sr, hr), Rase()(0.5 * sr, 0.5 * hr))
    assert (Rase()(sr, hr) < Rase()(hr + 2 * (sr - hr), hr)).all()


def test_psnr_b_counts_edges_of_blocks(pair: Pair) -> None:
    """Against the formula in numpy: the mean squared error and, where edges of blocks are the sharper ones, their
    excess times log2(8) / log2(the shorter side)."""
    sr, hr = pair
    blocky = torch.nn.functional.interpolate(torch.nn.functional.avg_pool2d(hr, 8), scale_factor=8, mode="nearest")
    for value, a, b in zip(PsnrB()(blocky, hr), *map(pictures, (blocky, hr)), strict=True):
        luma = a @ [0.299, 0.587, 0.114]
        steps = [np.diff(luma, axis=1) ** 2, np.diff(luma, axis=0).T ** 2]
        at_edge = sum(one[:, 7::8].sum() for one in steps)
        inside = sum(one.sum() for one in steps) - at_edge
        height, width = luma.shape
        edges = height * (width / 8) - 1 + width * (height / 8) - 1
        others = height * (width - 1) + width * (height - 1) - edges
        excess = max(at_edge / edges - inside / others, 0) * math.log2(8) / math.log2(min(height, width))
        error = ((luma - b @ [0.299, 0.587, 0.114]) ** 2).mean()
        assert value.item() == pytest.approx(10 * math.log10(1 / (error + excess)), abs=0.02)
    assert (PsnrB()(sr, hr) > PsnrB()(blocky, hr)).all()


def test_a_picture_that_is_too_small_is_refused_in_a_sentence() -> None:
    small = torch.rand(1, 3, 20, 24)
    with pytest.raises(UserError, match="vif cannot judge pictures of 24 x 20 pixels: .*41"):
        Vif()(small, small)
