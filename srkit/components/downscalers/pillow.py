"""Shrinking with Pillow, one decoded picture at a time."""

from __future__ import annotations

from typing import Literal

import numpy as np
from PIL import Image

from srkit.components.downscalers.crop import check_scale, small_size

__all__ = ["Pillow"]


class Pillow:
    """Pillow's resize on one 8-bit picture; its bicubic agrees with MATLAB's imresize.

    The kernel is stretched by the scale (antialias), values are rounded to 8 bit. Works on one decoded picture in the
    loader's workers: uint8 (H, W, 3) -> uint8 (H // scale, W // scale, 3); sizes the scale does not divide are cropped
    at right and bottom.

    Args:
        scale: how many times smaller the picture becomes.
        filter: the kernel; "box" is a plain average, "nearest" takes single pixels and so makes stairs.
    """

    works_on: Literal["image"] = "image"

    def __init__(
        self,
        scale: int,
        filter: Literal["bicubic", "bilinear", "lanczos", "box", "hamming", "nearest"] = "bicubic",
    ) -> None:
        self.scale = check_scale(scale)
        self.filter = filter

    def __call__(self, hr: np.ndarray) -> np.ndarray:
        """uint8 (H, W, 3) -> uint8 (H // scale, W // scale, 3)."""
        height, width = small_size(hr.shape[0], hr.shape[1], self.scale)
        cropped = Image.fromarray(np.ascontiguousarray(hr[: height * self.scale, : width * self.scale]))
        return np.array(cropped.resize((width, height), Image.Resampling[self.filter.upper()]))
