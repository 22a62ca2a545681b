"""Shrinking with torch's interpolate, a batch at a time on the device."""

from __future__ import annotations

from typing import Literal

import torch
import torch.nn.functional as F
from torch import Tensor

from srkit.components.downscalers.crop import check_scale, small_size

__all__ = ["TorchBicubic", "TorchBilinear", "interpolate"]


def interpolate(hr: Tensor, scale: int, mode: Literal["bilinear", "bicubic"], antialias: bool) -> Tensor:
    """(B, 3, H, W) -> (B, 3, H // scale, W // scale) in the same dtype; half precisions are computed in float32."""
    height, width = small_size(hr.shape[-2], hr.shape[-1], scale)
    exact = hr[..., : height * scale, : width * scale].to(torch.promote_types(hr.dtype, torch.float32))
    return F.interpolate(exact, size=(height, width), mode=mode, align_corners=False, antialias=antialias).to(hr.dtype)


class TorchBilinear:
    """torch's antialiased bilinear shrinking, on the device; softer than bicubic.

    `torch.nn.functional.interpolate(mode="bilinear", antialias=True)`: the downscaler of the notes' final x2 run.
    Works on a batch: float (B, 3, H, W) in [0, 1] -> (B, 3, H // scale, W // scale) in [0, 1]; sizes the scale does
    not divide are cropped at right and bottom.

    Args:
        scale: how many times smaller the picture becomes.
        antialias: stretch the kernel by the scale; without, every output sees only 2 x 2 pixels and aliases.
    """

    works_on: Literal["batch"] = "batch"

    def __init__(self, scale: int, antialias: bool = True) -> None:
        self.scale = check_scale(scale)
        self.antialias = antialias

    def __call__(self, hr: Tensor) -> Tensor:
        """(B, 3, H, W) -> (B, 3, H // scale, W // scale)."""
        return interpolate(hr, self.scale, "bilinear", self.antialias)


class TorchBicubic:
    """torch's antialiased bicubic shrinking, on the device; near MATLAB's imresize.

    `torch.nn.functional.interpolate(mode="bicubic")`: a = -0.5 with antialias, a = -0.75 without; it overshoots [0, 1]
    at sharp edges. Works on a batch: float (B, 3, H, W) in [0, 1] -> (B, 3, H // scale, W // scale); sizes the scale
    does not divide are cropped at right and bottom.

    Args:
        scale: how many times smaller the picture becomes.
        antialias: stretch the kernel by the scale; without, every output sees only 4 x 4 pixels and aliases.
    """

    works_on: Literal["batch"] = "batch"

    def __init__(self, scale: int, antialias: bool = True) -> None:
        self.scale = check_scale(scale)
        self.antialias = antialias

    def __call__(self, hr: Tensor) -> Tensor:
        """(B, 3, H, W) -> (B, 3, H // scale, W // scale)."""
        return interpolate(hr, self.scale, "bicubic", self.antialias)
