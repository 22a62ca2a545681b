"""JPEG as tensor operations: what libjpeg does to a picture, on the batch's device."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
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

FINE = 98
"""The quality from which libjpeg's roundings inside its transforms are followed too: without them a photo comes 0.1 dB
and more nearer to the original at 99 and 100, and nothing changes below."""

BETWEEN = 4 * 8**0.5
"""What libjpeg's intermediate values are multiplied with when they are rounded: two bits, and the scale of its
one-dimensional transform (`jfdctint.c`, PASS1_BITS)."""

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


@dataclass(frozen=True)
class Coding:
    """How the blocks of one picture are coded, for rows of 64 pixels. On the CPU.

    Attributes:
        there: matrices into coefficients in eighths, one after another, each result but the last rounded.
        steps: (64,) what one eighth of a coefficient is of its quantization step.
        back: matrices from quantized coefficients to pixels, likewise.
    """

    there: tuple[Tensor, ...]
    steps: Tensor
    back: tuple[Tensor, ...]


@lru_cache(maxsize=256)
def coding(quality: int, chroma: bool, dtype: torch.dtype) -> Coding:
    """The coding of luma or chroma at a quality.

    libjpeg rounds coefficients to eighths before it quantizes them, and what lies halfway goes away from zero; this is
    followed everywhere. It also rounds between the two directions of its transforms, which only shows where the
    quantization is as fine as that: there it costs a second product.
    """
    line = dct_lines()
    table = quantization_table(quality, chroma).reshape(64, 1)
    if quality < FINE:
        both = np.kron(line, line)
        there, back = [8 * both.T], [table * both]
    else:
        across, down = np.kron(np.eye(8), line), np.kron(line, np.eye(8))
        there = [BETWEEN * across.T, 8 / BETWEEN * down.T]
        back = [BETWEEN * table * down, across / BETWEEN]
    # A millionth more takes halves away from zero, whatever the last bit of a product.
    steps = (1 + 2.0**-20) / (8.0 * table[:, 0])
    tensors = [torch.from_numpy(one.copy()).to(dtype) for one in (*there, steps, *back)]
    return Coding(tuple(tensors[: len(there)]), tensors[len(there)], tuple(tensors[len(there) + 1 :]))


def dct_lines() -> np.ndarray:
    """float64 (8, 8): eight pixels -> their orthonormal DCT-II coefficients in rows, as T.81 scales them."""
    place = np.arange(8)
    line = np.cos((2 * place[None, :] + 1) * place[:, None] * np.pi / 16) / 2
    line[0] /= np.sqrt(2)
    return line


def jpeg(batch: Tensor, qualities: Sequence[int], subsampling: Subsampling, differentiable: bool = False) -> Tensor:
    """Baseline JPEG and back (ITU-T T.81) as libjpeg computes it, without the entropy coding, which loses nothing.

    Values are rounded where libjpeg has whole numbers: colours, coefficients, decoded pixels. Colour is halved by an
    average and doubled by the triangle filter. Cosines are exact where libjpeg has 13 bits, and below quality 98 its
    roundings between the two directions of a transform are left out, so single levels differ.

    Args:
        batch: (B, 3, h, w) float, clamped to [0, 1]; any size.
        qualities: libjpeg's quality for each picture, 1..100.
        subsampling: "4:2:0" halves the colour's resolution, "4:4:4" keeps it.
        differentiable: whether gradients pass straight through every rounding; clamping stops them as ever.

    Returns:
        (B, 3, h, w) on the 8-bit grid in [0, 1], same dtype.
    """
    with torch.set_grad_enabled(differentiable and torch.is_grad_enabled()):
        exact = batch.to(torch.promote_types(batch.dtype, torch.float32), memory_format=torch.contiguous_format)
        levels = exact.clamp(0, 1).mul_(255)
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
    if levels.requires_grad:
        y, cb, cr = (red * one + green * two + blue * three for one, two, three in TO_YCC)
        return rounded(y - 128)[:, None], rounded(torch.stack([cb, cr], 1))
    count, _, height, width = levels.shape
    luma, chroma = (levels.new_empty((count, planes, height, width)) for planes in (1, 2))
    for plane, (one, two, three) in zip((luma[:, 0], *chroma.unbind(1)), TO_YCC, strict=True):
        torch.mul(red, one, out=plane).add_(green, alpha=two).add_(blue, alpha=three)
    return rounded(luma.sub_(128)), rounded(chroma)


def _to_rgb(luma: Tensor, chroma: Tensor) -> Tensor:
    cb, cr = chroma.unbind(1)
    if luma.requires_grad:
        y = luma[:, 0] + 128
        return torch.stack([y + 1.402 * cr, y - 0.344136286 * cb - 0.714136286 * cr, y + 1.772 * cb], 1)
    y = luma[:, 0].add_(128)
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
    whole = _padded(planes, 2)
    # Sums of rows, then of columns: ten times as fast as torch's pooling.
    rows = whole[..., 0::2, :] + whole[..., 1::2, :]
    mean = (rows[..., 0::2] + rows[..., 1::2]).mul_(0.25)
    # An eighth towards zero or up decides the ties of quarters and moves nothing else.
    return rounded(mean.add_(_in_turn(mean, -1 / 8, 1 / 8)))


def _doubled(planes: Tensor) -> Tensor:
    """libjpeg's "fancy" upsampling: 9, 3, 3 and 1 sixteenths of the four nearest, ties up and down in turn."""
    if planes.requires_grad:
        large = F.interpolate(planes, scale_factor=2, mode="bilinear", align_corners=False)
    else:
        large = _interleaved(_interleaved(planes, 2), 3).div_(16)
    return rounded(large.add_(_in_turn(large, 1 / 32, -1 / 32)))


def _interleaved(planes: Tensor, dim: int) -> Tensor:
    """Twice as long along an axis: three times the near value and once the far one; at the ends four times the last."""
    length = planes.shape[dim]
    out = planes.new_empty((*planes.shape[: dim + 1], 2, *planes.shape[dim + 1 :]))
    near = planes * 3
    for half, beyond, end in zip(out.unbind(dim + 1), (0, 1), (0, length - 1), strict=True):
        inner, outer = (planes.narrow(dim, start, length - 1) for start in (0, 1))
        own, far = (1, inner) if beyond == 0 else (0, outer)
        torch.add(near.narrow(dim, own, length - 1), far, out=half.narrow(dim, own, length - 1))
        torch.mul(planes.narrow(dim, end, 1), 4, out=half.narrow(dim, end, 1))
    return out.flatten(dim, dim + 1)


def _in_turn(planes: Tensor, even: float, odd: float) -> Tensor:
    """(w,) one value for the even columns, another for the odd ones."""
    columns = torch.arange(planes.shape[-1], device=planes.device).remainder(2).to(planes.dtype)
    return columns * (odd - even) + even


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
    codings = [coding(quality, chroma, blocks.dtype) for quality in qualities]
    steps = torch.stack([one.steps for one in codings])[:, None].to(blocks.device)
    eighths = rounded(_each_by_its_own(blocks, [one.there for one in codings]))
    quantized = rounded(eighths * steps if eighths.requires_grad else eighths.mul_(steps))
    return _each_by_its_own(quantized, [one.back for one in codings])


def _each_by_its_own(blocks: Tensor, matrices: Sequence[tuple[Tensor, ...]]) -> Tensor:
    """(B, N, 64) times each picture's matrices, with a rounding between two of them.

    One picture at a time: the last bits of a product may depend on how many share it, and roundings hang on them.
    """
    products = []
    out = torch.empty_like(blocks)
    for place, own in enumerate(matrices):
        rows = blocks[place]
        *before, last = (matrix.to(blocks.device) for matrix in own)
        for matrix in before:
            rows = rounded(rows @ matrix, up=True)
        if blocks.requires_grad:
            products.append(rows @ last)
        else:
            torch.mm(rows, last, out=out[place])
    return torch.stack(products) if products else out
