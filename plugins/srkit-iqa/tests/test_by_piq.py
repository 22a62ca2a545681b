"""Metrics and losses of piq: equal to the library's own, GMSD to its formula in scipy, losses to 1 less the metric."""

from __future__ import annotations

import numpy as np
import piq
import pytest
import torch
from scipy.ndimage import convolve
from torch import Tensor

from srkit.errors import UserError
from srkit_iqa import by_piq, losses

Pair = tuple[Tensor, Tensor]
METRICS = [one for one in vars(by_piq).values() if isinstance(one, type) and one.__module__ == by_piq.__name__][1:]
LOSSES = [one for one in vars(losses).values() if isinstance(one, type) and one.__module__ == losses.__name__][1:]


@pytest.mark.parametrize("metric", METRICS)
def test_a_metric_is_the_librarys(metric: type[by_piq.PiqMetric], pair: Pair) -> None:
    sr, hr = (image.repeat(1, 1, 3, 3)[..., :170, :176] for image in pair)
    # one by one: piq's SR-SIM scales a map by the largest value of the whole batch
    wanted = torch.cat(
        [getattr(piq, metric.function)(a[None], b[None], reduction="none") for a, b in zip(sr, hr, strict=True)]
    )
    assert torch.allclose(metric()(sr, hr), wanted, rtol=1e-4, atol=1e-6)
    equal = metric()(hr, hr)
    assert torch.allclose(equal, torch.full_like(equal, 1.0 if metric.higher_is_better else 0.0), atol=1e-4)


def test_gmsd_is_its_formula(pair: Pair) -> None:
    """Xue et al.: luma (YIQ) at half size, Prewitt's gradients, the deviation of their likeness; c = 170 of 255^2."""
    prewitt = np.array([[1, 0, -1], [1, 0, -1], [1, 0, -1]]) / 3
    for value, sr, hr in zip(by_piq.Gmsd()(*pair), *(one.double().numpy() for one in pair), strict=True):
        sizes = []
        for image in (sr, hr):
            luma = np.tensordot([0.299, 0.587, 0.114], image, axes=1)
            half = (luma[::2, ::2] + luma[1::2, ::2] + luma[::2, 1::2] + luma[1::2, 1::2]) / 4
            across, down = (convolve(half, kernel, mode="constant") for kernel in (prewitt, prewitt.T))
            sizes.append(np.sqrt(across**2 + down**2))
        constant = 170 / 255**2
        likeness = (2 * sizes[0] * sizes[1] + constant) / (sizes[0] ** 2 + sizes[1] ** 2 + constant)
        assert value.item() == pytest.approx(likeness.std(), rel=1e-3)


@pytest.mark.parametrize("loss", LOSSES)
def test_a_loss_is_the_librarys_and_teaches(loss: type[losses.PiqLoss], pair: Pair) -> None:
    sr, hr = pair
    leaf = sr.clone().requires_grad_()
    value = loss()(leaf, hr)
    assert value.item() == pytest.approx(getattr(piq, loss.function)()(sr, hr).item(), rel=1e-5)
    value.backward()
    better = (sr - 0.5 * leaf.grad / leaf.grad.abs().max() * 0.02).clamp(0, 1)
    assert loss()(better, hr) < value


def test_what_lies_outside_of_0_to_1_is_clipped_and_learns_nothing(pair: Pair) -> None:
    _, hr = pair
    leaf = hr.clone()
    leaf[..., :8, :8] = 1.5
    leaf.requires_grad_()
    loss = losses.GmsdLoss()(leaf, hr)
    loss.backward()
    assert loss.item() == pytest.approx(piq.gmsd(leaf.detach().clamp(0, 1), hr).item(), rel=1e-5)
    assert leaf.grad is not None and leaf.grad[..., :8, :8].abs().sum() == 0 and leaf.grad.abs().sum() > 0


def test_a_patch_that_is_too_small_is_refused_in_a_sentence() -> None:
    small = torch.rand(1, 3, 24, 24)
    with pytest.raises(UserError, match="vif cannot judge pictures of 24 x 24 pixels: .*41"):
        losses.VifLoss()(small, small)
