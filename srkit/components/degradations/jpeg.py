"""JPEG compression as tensor operations on the batch's device."""

from __future__ import annotations

from typing import Literal

import torch
from torch import Tensor

from srkit.components.degradations.codec import qualities, quality_range
from srkit.components.tensor_jpeg import jpeg
from srkit.contracts import Draws

__all__ = ["Jpeg"]


class Jpeg:
    """JPEG compression and back as tensor operations, each picture with its own quality.

    Baseline JPEG (ITU-T T.81) with libjpeg's tables, colour conversion, subsampling, padding and roundings: the picture
    that libjpeg gives but for single levels, about one value in ten thousand. Float (B, 3, h, w), clamped to [0, 1] and
    rounded to 8 bit on the way in, -> the same shape, on the 8-bit grid.

    Args:
        quality: libjpeg's quality, 1 (worst) to 100; two numbers draw one for each picture, both ends included.
        subsampling: "4:2:0" halves the colour's resolution as cameras and the web do, "4:4:4" keeps it.
        differentiable: let gradients pass straight through the roundings, as DiffJPEG-like training wants it.
    """

    def __init__(
        self,
        quality: int | tuple[int, int] = (50, 95),
        subsampling: Literal["4:2:0", "4:4:4"] = "4:2:0",
        differentiable: bool = False,
    ) -> None:
        self.bounds = quality_range("jpeg", quality)
        self.subsampling: Literal["4:2:0", "4:4:4"] = subsampling
        self.differentiable = differentiable

    def __call__(self, batch: Tensor, draws: Draws) -> Tensor:
        """(B, 3, h, w) in [0, 1] -> the same shape, dtype, device and memory format."""
        out = jpeg(batch, qualities(self.bounds, draws), self.subsampling, self.differentiable)
        if batch.ndim == 4 and batch.is_contiguous(memory_format=torch.channels_last):
            return out.contiguous(memory_format=torch.channels_last)
        return out
