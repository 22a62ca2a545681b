"""The values that PSNR and SSIM look at: luma or RGB, 0..255, in double precision."""

from __future__ import annotations

import torch
from torch import Tensor

__all__ = ["luma", "rgb"]

# BT.601's weights for luma in 16..235 out of R, G, B in 0..1, as MATLAB's rgb2ycbcr and BasicSR have them.
LUMA = (65.481, 128.553, 24.966)


def doubles(image: Tensor) -> Tensor:
    """The picture in float64, on the CPU where the device has no doubles (MPS)."""
    if image.device.type == "mps":
        image = image.cpu()
    return image.detach().to(torch.float64)


def rgb(image: Tensor) -> Tensor:
    """(B, 3, H, W) in [0, 1] -> (B, 3, H, W) float64 in 0..255."""
    return doubles(image) * 255


def luma(image: Tensor) -> Tensor:
    """(B, 3, H, W) in [0, 1] -> (B, 1, H, W) float64 in 16..235, not rounded."""
    red, green, blue = doubles(image).unbind(1)
    return (LUMA[0] * red + LUMA[1] * green + LUMA[2] * blue + 16).unsqueeze(1)
