"""What happens to both images before a VGG sees them: the same shift, then a smaller size."""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor

from srkit.components.light import from_linear, to_linear
from srkit.contracts import Draws

__all__ = ["cut", "draw_corners", "shrunk"]


def draw_corners(draws: Draws, shift: int) -> list[tuple[int, int]]:
    """For each sample how many pixels go from its top and left, each 0..shift - 1."""
    return list(zip(draws.integers(0, shift - 1).tolist(), draws.integers(0, shift - 1).tolist(), strict=True))


def cut(image: Tensor, corners: list[tuple[int, int]], shift: int) -> Tensor:
    """(B, C, H, W) -> (B, C, H - shift + 1, W - shift + 1), each sample from its own corner on."""
    height, width = image.shape[-2] - shift + 1, image.shape[-1] - shift + 1
    parts = [
        image[sample : sample + 1, :, top : top + height, left : left + width]
        for sample, (top, left) in enumerate(corners)
    ]
    return torch.cat(parts)


def shrunk(image: Tensor, scale: int, transfer: str | float) -> Tensor:
    """(B, C, H, W) -> (B, C, H // scale, W // scale), averaged in linear light unless `transfer` is "none"."""
    if scale == 1:
        return image
    if transfer == "none":
        return F.avg_pool2d(image, scale)
    return from_linear(F.avg_pool2d(to_linear(image, transfer), scale), transfer)
