"""JPEG as tensor operations: what libjpeg does to a picture, on the batch's device."""

from __future__ import annotations

from collections.abc import Sequence
from functools import lru_cache
from typing import Literal

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor

__all__ = ["QUALITY_RANGE", "Subsampling", "jpeg", "quantization_table"]

Subsampling = Literal["4:2:0", "4:4:4"]

QUALITY_RANGE = (1, 100)

# ITU-T T.81, tables K.1 and K.2, in rows from the constant term.
LUMA_TABLE = np.array(
    [
        [16, 11, 10, 16, 24, 40, 51, 61],
        [12, 12, 14, 19, 26, 58, 60, 55],
        [14, 13, 16, 24, 40, 57, 69, 56],
        [14, 17, 22, 29, 51, 87, 80, 62],
        [18, 22, 37, 56, 68, 109, 103, 77],
        [24, 35, 55, 64, 81, 104, 113, 92],
        [49, 64, 78, 87, 103, 121, 120, 101],
        [72, 92, 95, 98, 112, 100, 103, 99],
    ]
)
CHROMA_TABLE = np.full((8, 8), 99)
CHROMA_TABLE[:4, :4] = [[17, 18, 24, 47], [18, 21, 26, 66], [24, 26, 56, 99], [47, 66, 99, 99]]

TO_YCC = np.array(
    [
        [0.299, 0.587, 0.114],
        [-0.168735892, -0.331264108, 0.5],
        [0.5, -0.418687589, -0.081312411],
    ]
)


def quantization_table(quality: int, chroma: bool) -> np.ndarray:
    """libjpeg's table for a quality of 1..100: int (8, 8) in 1..255, vertical frequency in rows."""
    base = CHROMA_TABLE if chroma else LUMA_TABLE
    percent = 5000 // quality if quality < 50 else 200 - 2 * quality
    return np.clip((base * percent + 50) // 100, 1, 255)


@lru_cache(maxsize=1)
def dct_matrix() -> np.ndarray:
    """float64 (64, 64): a block's pixels in rows -> its orthonormal DCT-II coefficients, as T.81 scales them."""
    place = np.arange(8)
    line = np.cos((2 * place[None, :] + 1) * place[:, None] * np.pi / 16) / 2
    line[0] /= np.sqrt(2)
    return np.kron(line, line)


@lru_cache(maxsize=256)
def block_matrices(quality: int, chroma: bool) -> tuple[np.ndarray, np.ndarray]:
    """float64 (64, 64) twice, for rows of pixels: into quantized coefficients (not rounded yet), and back."""
    dct, table = dct_matrix(), quantization_table(quality, chroma).reshape(64, 1)
    return (dct / table).T.copy(), dct * table


def jpeg(batch: Tensor, qualities: Sequence[int], subsampling: Subsampling, differentiable: bool = False) -> Tensor:
    """Baseline JPEG and back (ITU-T T.81) as libjpeg computes it, without the entropy coding, which loses nothing.

    Values are rounded where libjpeg has whole numbers: colours, coefficients, decoded pixels. Colour is halved by an
    average and doubled by the triangle filter. DCTs are exact where libjpeg has 13 bits, so single levels differ.

    Args:
        batch: (B, 3, h, w) float, clamped to [0, 1]; any size.
        qualities: libjpeg's quality for each picture, 1..100.
        subsampling: "4:2:0" halves the colour's resolution, "4:4:4" keeps it.
        differentiable: whether gradients pass straight through every rounding; clamping stops them as ever.

    Returns:
        (B, 3, h, w) on the 8-bit grid in [0, 1], same dtype.
    """
    with torch.set_grad_enabled(differentiable and torch.is_grad_enabled()):
        levels = batch.to(torch.promote_types(batch.dtype, torch.float32)).clamp(0, 1) * 255
        planes = _to_ycc(rounded(levels))
        height, width = batch.shape[-2:]
        luma, chroma = planes[:, :1], planes[:, 1:]
        if subsampling == "4:2:0":
            chroma = _halved(chroma)
        luma = _coded(luma, qualities, chroma=False)
        chroma = _coded(chroma, qualities, chroma=True)
        if subsampling == "4:2:0":
            chroma = _doubled(chroma)[..., :height, :width]
        return (rounded(_to_rgb(luma, chroma)).clamp(0, 255) / 255).to(batch.dtype)


def rounded(values: Tensor, up: bool = False) -> Tensor:
    """To whole numbers, halves to even or up; the gradient passes straight through."""
    whole = (values.detach() + 0.5).floor_() if up else values.detach().round()
    if torch.is_grad_enabled() and values.requires_grad:
        return values + (whole - values.detach())
    return whole


def _to_ycc(levels: Tensor) -> Tensor:
    """RGB in 0..255 -> Y - 128, Cb - 128, Cr - 128 in whole numbers (JFIF)."""
    red, green, blue = levels.unbind(1)
    planes = [one * red + two * green + three * blue for one, two, three in TO_YCC.tolist()]
    return rounded(torch.stack([planes[0] - 128, planes[1], planes[2]], 1))


def _to_rgb(luma: Tensor, chroma: Tensor) -> Tensor:
    y, (cb, cr) = luma[:, 0] + 128, chroma.unbind(1)
    return torch.stack([y + 1.402 * cr, y - 0.344136286 * cb - 0.714136286 * cr, y + 1.772 * cb], 1)


def _padded(planes: Tensor, multiple: int) -> Tensor:
    """Edges repeated at right and bottom up to a multiple."""
    height, width = planes.shape[-2:]
    right, bottom = -width % multiple, -height % multiple
    return F.pad(planes, (0, right, 0, bottom), mode="replicate") if right or bottom else planes


def _halved(planes: Tensor) -> Tensor:
    """Averages of 2 x 2; libjpeg rounds ties down and up in turn from column to column."""
    mean = F.avg_pool2d(_padded(planes, 2), 2)
    # An eighth towards zero or up decides the ties of quarters and moves nothing else.
    ties = torch.arange(mean.shape[-1], device=mean.device).remainder(2).to(mean.dtype) * 0.25 - 0.125
    return rounded(mean + ties)


def _doubled(planes: Tensor) -> Tensor:
    """libjpeg's "fancy" upsampling: 9, 3, 3 and 1 sixteenths of the four nearest."""
    return rounded(F.interpolate(planes, scale_factor=2, mode="bilinear", align_corners=False))


def _coded(planes: Tensor, qualities: Sequence[int], chroma: bool) -> Tensor:
    """Planes (B, C, h, w) around 0 -> what is left of them, whole numbers in -128..127."""
    height, width = planes.shape[-2:]
    whole = _padded(planes, 8)
    count, channels, rows, columns = whole.shape
    cut = whole.view(count, channels, rows // 8, 8, columns // 8, 8).transpose(3, 4)
    blocks = cut.reshape(count, -1, 64)
    pairs = [block_matrices(quality, chroma) for quality in qualities]
    there, back = (
        torch.from_numpy(np.stack(matrices)).to(planes.device, planes.dtype) for matrices in zip(*pairs, strict=True)
    )
    pixels = torch.bmm(rounded(torch.bmm(blocks, there)), back)
    pixels = rounded(pixels, up=True).clamp(-128, 127).view(cut.shape).transpose(3, 4)
    return pixels.reshape(whole.shape)[..., :height, :width]
