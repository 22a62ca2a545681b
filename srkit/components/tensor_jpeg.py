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

TO_YCC = (
    (0.299, 0.587, 0.114),
    (-0.168735892, -0.331264108, 0.5),
    (0.5, -0.418687589, -0.081312411),
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
def block_matrices(quality: int, chroma: bool, dtype: torch.dtype) -> tuple[Tensor, Tensor]:
    """(64, 64) twice, for rows of pixels: into quantized coefficients (not rounded yet), and back. On the CPU."""
    dct, table = dct_matrix(), quantization_table(quality, chroma).reshape(64, 1)
    return torch.from_numpy((dct / table).T.copy()).to(dtype), torch.from_numpy(dct * table).to(dtype)


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
        levels = batch.to(torch.promote_types(batch.dtype, torch.float32)).clamp(0, 1).mul_(255)
        height, width = batch.shape[-2:]
        luma, chroma = _to_ycc(rounded(levels))
        if subsampling == "4:2:0":
            chroma = _halved(chroma)
        luma = _coded(luma, qualities, chroma=False)
        chroma = _coded(chroma, qualities, chroma=True)
        if subsampling == "4:2:0":
            chroma = _doubled(chroma)[..., :height, :width]
        return clamped(rounded(_to_rgb(luma, chroma)), 0, 255).div_(255).to(batch.dtype)


def rounded(values: Tensor, up: bool = False) -> Tensor:
    """To whole numbers, halves to even or up, in place; where a gradient is wanted it passes straight through."""
    if values.requires_grad:
        fixed = values.detach()
        return values + ((fixed + 0.5).floor_() if up else fixed.round()).sub_(fixed)
    return values.add_(0.5).floor_() if up else values.round_()


def clamped(values: Tensor, low: float, high: float) -> Tensor:
    """Clamped, in place where no gradient is wanted."""
    return values.clamp(low, high) if values.requires_grad else values.clamp_(low, high)


def _to_ycc(levels: Tensor) -> tuple[Tensor, Tensor]:
    """RGB in 0..255 -> Y - 128 (B, 1, h, w) and Cb - 128, Cr - 128 (B, 2, h, w), in whole numbers (JFIF)."""
    red, green, blue = levels.unbind(1)
    y, cb, cr = ((red * one).add_(green, alpha=two).add_(blue, alpha=three) for one, two, three in TO_YCC)
    return rounded(y.sub_(128))[:, None], rounded(torch.stack([cb, cr], 1))


def _to_rgb(luma: Tensor, chroma: Tensor) -> Tensor:
    y, (cb, cr) = luma[:, 0] + 128, chroma.unbind(1)
    if luma.requires_grad:
        green = torch.add(y, cb, alpha=-0.344136286).add_(cr, alpha=-0.714136286)
        return torch.stack([torch.add(y, cr, alpha=1.402), green, torch.add(y, cb, alpha=1.772)], 1)
    rgb = y.new_empty((len(y), 3, *y.shape[1:]))
    torch.add(y, cr, alpha=1.402, out=rgb[:, 0])
    torch.add(y, cb, alpha=-0.344136286, out=rgb[:, 1]).add_(cr, alpha=-0.714136286)
    torch.add(y, cb, alpha=1.772, out=rgb[:, 2])
    return rgb


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
    return rounded(mean.add_(ties))


def _doubled(planes: Tensor) -> Tensor:
    """libjpeg's "fancy" upsampling: 9, 3, 3 and 1 sixteenths of the four nearest, ties up and down in turn."""
    large = F.interpolate(planes, scale_factor=2, mode="bilinear", align_corners=False)
    ties = torch.arange(large.shape[-1], device=large.device).remainder(2).to(large.dtype) / -16 + 1 / 32
    return rounded(large.add_(ties))


def _coded(planes: Tensor, qualities: Sequence[int], chroma: bool) -> Tensor:
    """Planes (B, C, h, w) around 0 -> what is left of them, whole numbers in -128..127."""
    height, width = planes.shape[-2:]
    whole = _padded(planes, 8)
    count, channels, rows, columns = whole.shape
    cut = whole.view(count, channels, rows // 8, 8, columns // 8, 8).transpose(3, 4)
    blocks = cut.reshape(count, -1, 64)
    pixels = _requantized(blocks, qualities, chroma)
    pixels = clamped(rounded(pixels, up=True), -128, 127).view(cut.shape).transpose(3, 4)
    return pixels.reshape(whole.shape)[..., :height, :width]


def _requantized(blocks: Tensor, qualities: Sequence[int], chroma: bool) -> Tensor:
    """Blocks of pixels (B, N, 64) -> what quantization leaves of them, not rounded."""
    pixels = torch.empty_like(blocks)
    found = []
    # One picture at a time: the last bits of a product may depend on how many share it, and roundings hang on them.
    for place, quality in enumerate(qualities):
        there, back = (matrix.to(blocks.device) for matrix in block_matrices(quality, chroma, blocks.dtype))
        coefficients = rounded(blocks[place] @ there)
        if blocks.requires_grad:
            found.append(coefficients @ back)
        else:
            torch.mm(coefficients, back, out=pixels[place])
    return torch.stack(found) if found else pixels
