"""JPEG compression by a real codec."""

from __future__ import annotations

from typing import Literal

from torch import Tensor

from srkit.components.degradations.codec import qualities, quality_range, through_codec
from srkit.contracts import Draws

__all__ = ["JpegCodec"]


class JpegCodec:
    """Real JPEG compression and back (Pillow's codec), each picture with its own quality.

    Baseline JPEG (ITU-T T.81) as libjpeg writes it. Float (B, 3, h, w) in [0, 1], rounded to 8 bit on the way in, ->
    the same shape, on the 8-bit grid; no gradient passes. The codec runs on the CPU whatever the batch's device;
    `jpeg` does the same as tensor operations.

    Args:
        quality: libjpeg's quality, 1 (worst) to 100; two numbers draw one for each picture, both ends included.
        subsampling: "4:2:0" halves the colour's resolution as cameras and the web do, "4:4:4" keeps it.
    """

    def __init__(
        self, quality: int | tuple[int, int] = (50, 95), subsampling: Literal["4:2:0", "4:4:4"] = "4:2:0"
    ) -> None:
        self.bounds = quality_range("jpeg", quality)
        self.subsampling = subsampling

    def __call__(self, batch: Tensor, draws: Draws) -> Tensor:
        """(B, 3, h, w) in [0, 1] -> the same shape, dtype, device and memory format."""
        return through_codec(batch, qualities(self.bounds, draws), "JPEG", subsampling=self.subsampling)
