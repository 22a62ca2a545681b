"""The two simplest ways to shrink, a batch at a time on the device: the average, and one pixel of many."""

from __future__ import annotations

from typing import Literal

import torch
import torch.nn.functional as F
from torch import Tensor

from srkit.components.downscalers.crop import check_scale, small_size

__all__ = ["Box", "Nearest"]


class Box:
    """The plain average of scale x scale pixels, on the device.

    Works on a batch: float (B, 3, H, W) in [0, 1] -> (B, 3, H // scale, W // scale) in [0, 1]; sizes the scale does
    not divide are cropped at right and bottom. `linear-light` averages light instead of values.

    Args:
        scale: how many times smaller the picture becomes.
    """

    works_on: Literal["batch"] = "batch"

    def __init__(self, scale: int) -> None:
        self.scale = check_scale(scale)

    def __call__(self, hr: Tensor) -> Tensor:
        """(B, 3, H, W) -> (B, 3, H // scale, W // scale)."""
        height, width = small_size(hr.shape[-2], hr.shape[-1], self.scale)
        exact = hr[..., : height * self.scale, : width * self.scale].to(torch.promote_types(hr.dtype, torch.float32))
        return F.avg_pool2d(exact, self.scale).to(hr.dtype)


class Nearest:
    """One pixel of each scale x scale: stairs and aliasing, as careless software makes them.

    The pixel at the centre, or right and below of it where the scale is even: Pillow's choice. Works on a batch: float
    (B, 3, H, W) -> (B, 3, H // scale, W // scale); sizes the scale does not divide are cropped at right and bottom.

    Args:
        scale: how many times smaller the picture becomes.
    """

    works_on: Literal["batch"] = "batch"

    def __init__(self, scale: int) -> None:
        self.scale = check_scale(scale)

    def __call__(self, hr: Tensor) -> Tensor:
        """(B, 3, H, W) -> (B, 3, H // scale, W // scale)."""
        height, width = small_size(hr.shape[-2], hr.shape[-1], self.scale)
        return hr[..., self.scale // 2 :: self.scale, self.scale // 2 :: self.scale][..., :height, :width].clone()
