"""The artifact map: pixels punished where the picture is restless beyond the original and beyond its average."""

from __future__ import annotations

from typing import Annotated

import torch
import torch.nn.functional as F
from msgspec import Meta
from torch import Tensor, nn

from srkit.components.pixel_losses.structure import check_side
from srkit.contracts import Views
from srkit.errors import OptionError

__all__ = ["Ldl", "artifact_map"]


def artifact_map(sr: Tensor, ema_sr: Tensor, hr: Tensor, window: int) -> Tensor:
    """How likely an artifact is at each pixel.

    With R the sum over channels of |hr - sr|: the variance of R over the picture, to the power 1/5, times the variance
    of R in the window around the pixel; 0 where R is below the averaged generator's. Variances are divided by n - 1,
    the picture is mirrored at its borders.

    Args:
        sr: (B, 3, H, W) the generator's picture.
        ema_sr: (B, 3, H, W) the averaged generator's.
        hr: (B, 3, H, W) the original.
        window: side of the window in pixels, odd.

    Returns:
        (B, 1, H, W), without graph.
    """
    with torch.no_grad():
        error = (hr - sr).abs().sum(1, keepdim=True)
        steady = (hr - ema_sr).abs().sum(1, keepdim=True)
        whole = error.var((1, 2, 3), keepdim=True) ** 0.2
        padded = F.pad(error, (window // 2,) * 4, "reflect")
        # Around a middle value the squares do not cancel in single precision.
        middle = padded.mean((1, 2, 3), keepdim=True)
        mean = F.avg_pool2d(padded - middle, window, 1)
        count = window**2
        local = (F.avg_pool2d((padded - middle).square(), window, 1) - mean.square()).clamp(min=0)
        return (whole * local * (count / (count - 1))).masked_fill(error < steady, 0.0)


class Ldl(nn.Module):
    """LDL: absolute error weighted by how likely a pixel is an artifact; needs [ema].

    Liang, Zeng and Zhang 2022, arXiv 2203.09195, "Details or Artifacts": the mean of M * |sr - hr|, M the artifact map
    out of the local variance of the error, 0 where the averaged generator errs more. M passes no gradient, being a
    weight; the authors' program lets it through. Meant to stand beside the pixel, feature and adversarial losses, with
    weight 1. Views with SR and HR (B, 3, H, W) and the averaged generator's picture, a scalar out.

    Args:
        window: side of the window for the local variance in HR pixels, an odd number.
    """

    def __init__(self, window: Annotated[int, Meta(ge=3)] = 7) -> None:
        super().__init__()
        if window < 3 or window % 2 == 0:
            raise OptionError("window", f"an odd number from 3, got {window}.")
        self.window = window

    def forward(self, views: Views) -> Tensor:
        """Views -> scalar in HR's precision; notes `artifacts`, the mean of the map."""
        check_side("ldl", views.hr, self.window // 2 + 1)
        sr, ema_sr = views.sr.to(views.hr.dtype), views.ema_sr.to(views.hr.dtype)
        likely = artifact_map(sr, ema_sr, views.hr, self.window)
        views.note("artifacts", likely.mean())
        return (likely * (sr - views.hr).abs()).mean()
