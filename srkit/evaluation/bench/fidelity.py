"""Two scores that need no taste: whether the SR picture still is the LR one when shrunk, and whether colours moved."""

from __future__ import annotations

import math
from collections.abc import Callable

import torch.nn.functional as F
from torch import Tensor

from srkit.evaluation.rows import MetricMean
from srkit.inference.forward import from_eight_bit

__all__ = ["COLOUR_DRIFT", "CONSISTENCY", "colour_drift", "consistency", "described_as"]

CONSISTENCY, COLOUR_DRIFT = "consistency", "colour-drift"

BLOCK = 16
"""Pixels along the side of the squares whose mean colours are compared: coarser than any texture, finer than skies."""


def consistency(sr: Tensor, lr: Tensor, shrink: Callable[[Tensor], Tensor]) -> float:
    """How well the SR picture explains the LR one, in dB: the PSNR of the SR shrunk again against the LR, over RGB.

    Nothing is cropped. The shrunk picture is clamped and not rounded.

    Args:
        sr: uint8 (3, H, W).
        lr: uint8 (3, h, w).
        shrink: what made the LR picture, as a function of a batch.
    """
    again = shrink(from_eight_bit(sr).unsqueeze(0)).clamp(0, 1)[0]
    error = float((again.double() * 255 - lr.to(again.device).double()).square().mean())
    return math.inf if error == 0 else 10 * math.log10(255**2 / error)


def colour_drift(sr: Tensor, hr: Tensor) -> float:
    """How far colours moved from the original's, in 8-bit levels.

    The root of the mean squared difference between mean colours of squares of `BLOCK` pixels; rows and columns beyond
    the last whole square are left out, and a picture smaller than one is one.

    Args:
        sr, hr: uint8 (3, H, W), borders already cropped.
    """
    height, width = (min(BLOCK, side) for side in sr.shape[-2:])
    squares = [F.avg_pool2d(one.double().unsqueeze(0), (height, width)) for one in (sr, hr)]
    return math.sqrt(float((squares[0] - squares[1]).square().mean()))


def described_as(name: str) -> MetricMean:
    """Unit and direction of the two."""
    return MetricMean(None, "dB", True) if name == CONSISTENCY else MetricMean(None, "levels", False)
