"""JPEG as tensor operations: what libjpeg does to a picture, on the batch's device."""

from __future__ import annotations

from collections.abc import Sequence
from functools import lru_cache
from math import prod
from typing import Literal

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor

from srkit.exactness import all_bits

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

# libjpeg's whole numbers (`jccolor.c`, `jdcolor.c`), of 2^16: with them float32 holds every sum exactly.
TO_YCC = np.array([[19595, 38470, 7471], [-11059, -21709, 32768], [32768, -27439, -5329]]) / 65536
YCC_OFFSETS = np.array([0.5 - 128, 0.5 - 2**-16, 0.5 - 2**-16])
RED_OF_CR, GREEN_OF_CB, GREEN_OF_CR, BLUE_OF_CB = (one / 65536 for one in (91881, -22554, -46802, 116130))

BITS, PASS_BITS = 13, 2
"""Of libjpeg's cosines, and those that it keeps below the point between the two directions of a transform."""


def quantization_table(quality: int, chroma: bool) -> np.ndarray:
    """libjpeg's table for a quality of 1..100: int (8, 8) in 1..255, vertical frequency in rows."""
    base = CHROMA_TABLE if chroma else LUMA_TABLE
    percent = 5000 // quality if quality < 50 else 200 - 2 * quality
    return np.clip((base * percent + 50) // 100, 1, 255)


@lru_cache(maxsize=8)
def _tables(chroma: bool, dtype: torch.dtype) -> tuple[Tensor, Tensor]:
    """(101, 8, 8, 1) twice, by quality: coefficients in eighths -> quantized, and quantized ones -> coefficients."""
    tables = np.stack([quantization_table(max(1, quality), chroma) for quality in range(101)])[..., None]
    # libjpeg takes halves away from zero; a millionth more does, whatever the last bit of a product.
    steps = (1 + 2.0**-20) / (8.0 * tables)
    return torch.from_numpy(steps).to(dtype), torch.from_numpy(tables).to(dtype)


@lru_cache(maxsize=8)
def _transforms(dtype: torch.dtype) -> tuple[Tensor, Tensor, Tensor, Tensor]:
    """(8, 8) each: along rows and columns into coefficients in eighths, along columns and rows back.

    libjpeg rounds to whole numbers after each of them.
    """
    line = _dct_line()
    first, second = line / 2 ** (BITS - PASS_BITS), line / 2 ** (BITS + PASS_BITS)
    rows, columns, columns_back, rows_back = (
        torch.from_numpy(one.copy()).to(dtype) for one in (first, second, first.T, second.T / 8)
    )
    return rows, columns, columns_back, rows_back


def _dct_line() -> np.ndarray:
    """float64 (8, 8) of whole numbers: eight pixels -> their DCT times 2^13 sqrt(8), as `jfdctint.c` adds it up."""

    def fixed(value: float) -> int:
        return round(value * 2**BITS)

    x = np.eye(8)
    s0, s1, s2, s3 = (x[k] + x[7 - k] for k in range(4))
    d0, d1, d2, d3 = (x[k] - x[7 - k] for k in range(4))
    out = np.empty((8, 8))
    out[0], out[4] = (s0 + s3 + s1 + s2) * 2**BITS, (s0 + s3 - s1 - s2) * 2**BITS
    z = (s1 - s2 + s0 - s3) * fixed(0.541196100)
    out[2], out[6] = z + (s0 - s3) * fixed(0.765366865), z - (s1 - s2) * fixed(1.847759065)
    shared = (d3 + d1 + d2 + d0) * fixed(1.175875602)
    z1, z2 = (d3 + d0) * -fixed(0.899976223), (d2 + d1) * -fixed(2.562915447)
    z3, z4 = shared - (d3 + d1) * fixed(1.961570560), shared - (d2 + d0) * fixed(0.390180644)
    out[7], out[5] = d3 * fixed(0.298631336) + z1 + z3, d2 * fixed(2.053119869) + z2 + z4
    out[3], out[1] = d1 * fixed(3.072711026) + z2 + z3, d0 * fixed(1.501321110) + z1 + z4
    return out


def jpeg(batch: Tensor, qualities: Sequence[int], subsampling: Subsampling, differentiable: bool = False) -> Tensor:
    """Baseline JPEG and back (ITU-T T.81) as libjpeg computes it, without the entropy coding, which loses nothing.

    Rounded wherever libjpeg has whole numbers, with its constants of 13 and 16 bits, its padding at the edges, its
    average for halving colour and its triangle filter for doubling it. float32 does not hold all bits of the second
    direction of a transform, so that about one value in ten thousand comes out a level different.

    Args:
        batch: (B, 3, h, w) float, clamped to [0, 1]; any size.
        qualities: libjpeg's quality for each picture, 1..100.
        subsampling: "4:2:0" halves the colour's resolution, "4:4:4" keeps it.
        differentiable: whether gradients pass straight through every rounding; clamping stops them as ever.

    Returns:
        (B, 3, h, w) on the 8-bit grid in [0, 1], same dtype.
    """
    with torch.set_grad_enabled(differentiable and torch.is_grad_enabled()), all_bits(batch.device):
        exact = batch.to(torch.promote_types(batch.dtype, torch.float32), memory_format=torch.contiguous_format)
        height, width = batch.shape[-2:]
        ycc = _to_ycc(rounded(clamped(exact * 255, 0, 255)))
        luma, chroma = ycc[:, :1], ycc[:, 1:]
        if subsampling == "4:2:0":
            chroma = _halved(chroma)
        luma, chroma = _coded(luma, chroma, qualities)
        if subsampling == "4:2:0":
            chroma = _doubled(chroma[..., : (width + 1) // 2])[..., :height, :width]
        return clamped(_to_rgb(luma, chroma), 0, 255).div_(255).to(batch.dtype)


def rounded(values: Tensor, offset: float | None = None) -> Tensor:
    """To whole numbers, halves to even, or down after an offset was added; in place.

    Where a gradient is wanted, not in place, and it passes straight through.
    """
    if values.requires_grad:
        fixed = values.detach()
        return values + (fixed.round() if offset is None else (fixed + offset).floor_()).sub_(fixed)
    return values.round_() if offset is None else (values.add_(offset) if offset else values).floor_()


def clamped(values: Tensor, low: float, high: float) -> Tensor:
    """Clamped, in place where no gradient is wanted."""
    return values.clamp(low, high) if values.requires_grad else values.clamp_(low, high)


def _to_ycc(levels: Tensor) -> Tensor:
    """RGB in 0..255 -> Y - 128, Cb - 128, Cr - 128 (B, 3, h, w), in whole numbers (JFIF)."""
    matrix, offsets = (torch.from_numpy(one).to(levels) for one in (TO_YCC, YCC_OFFSETS[:, None]))
    pixels = levels.flatten(2)
    return rounded(torch.bmm(matrix.expand(len(pixels), 3, 3), pixels).add_(offsets), 0.0).view(levels.shape)


def _to_rgb(luma: Tensor, chroma: Tensor) -> Tensor:
    """Y - 128 (B, 1, h, w) and Cb - 128, Cr - 128 (B, 2, h, w) -> RGB (B, 3, h, w) in whole numbers, not clamped."""
    y, (cb, cr) = luma[:, 0], chroma.unbind(1)
    if y.requires_grad:
        green = y + GREEN_OF_CB * cb + GREEN_OF_CR * cr
        return rounded(torch.stack([y + RED_OF_CR * cr, green, y + BLUE_OF_CB * cb], 1), 128.5)
    rgb = y.new_empty((len(y), 3, *y.shape[1:]))
    torch.add(y, cr, alpha=RED_OF_CR, out=rgb[:, 0])
    torch.add(y, cb, alpha=GREEN_OF_CB, out=rgb[:, 1]).add_(cr, alpha=GREEN_OF_CR)
    torch.add(y, cb, alpha=BLUE_OF_CB, out=rgb[:, 2])
    return rounded(rgb, 128.5)


def _padded(planes: Tensor, across: int, down: int) -> Tensor:
    """Edges repeated at right and bottom up to a multiple."""
    height, width = planes.shape[-2:]
    right, bottom = -width % across, -height % down
    return F.pad(planes, (0, right, 0, bottom), mode="replicate") if right or bottom else planes


def _halved(planes: Tensor) -> Tensor:
    """Averages of 2 x 2, (B, C, h, w) -> (B, C, ceil(h / 2), a multiple of 8 not below ceil(w / 2)).

    libjpeg rounds ties down and up in turn from column to column; it repeats the last column before it halves, and the
    last row up to a block's end afterwards.
    """
    whole = _padded(planes, 16, 2)
    # Sums of rows, then of columns: ten times as fast as torch's pooling.
    rows = whole[..., 0::2, :] + whole[..., 1::2, :]
    sums = rows[..., 0::2] + rows[..., 1::2]
    in_turn = torch.tensor([0.25, 0.5], device=sums.device).to(sums).repeat(sums.shape[-1] // 2)
    return rounded(torch.add(in_turn, sums, alpha=0.25), 0.0)


def _doubled(planes: Tensor) -> Tensor:
    """libjpeg's "fancy" upsampling: 9, 3, 3 and 1 sixteenths of the four nearest, ties up and down in turn."""
    half = torch.full((), 1 / 32, dtype=planes.dtype, device=planes.device)
    wide = F.pad(torch.add(half, planes, alpha=1 / 16), (1, 1, 1, 1), mode="replicate")
    near, above, below = wide[..., 1:-1, :], wide[..., :-2, :], wide[..., 2:, :]
    tall = torch.stack([torch.add(one, near, alpha=3) for one in (above, below)], -2).flatten(-3, -2)
    near, left, right = tall[..., 1:-1], tall[..., :-2], tall[..., 2:]
    even, odd = (torch.add(one, near, alpha=3) for one in (left, right))
    return _in_turn(rounded(even, 0.0), rounded(odd, -1 / 16))


def _in_turn(even: Tensor, odd: Tensor) -> Tensor:
    """Columns of one and the other in turn, twice as wide."""
    if even.device.type == "cpu":
        # As real and imaginary parts they are interleaved eight times as fast.
        return torch.view_as_real(torch.complex(even, odd)).flatten(-2)
    return torch.stack([even, odd], -1).flatten(-2)


def _coded(luma: Tensor, chroma: Tensor, qualities: Sequence[int]) -> tuple[Tensor, Tensor]:
    """Planes (B, 1, h, w) and (B, 2, h', w') around 0 -> what is left of them, whole numbers in -128..127.

    All blocks of a picture lie side by side, (B, 8, 8, N): so each direction of a transform is a product from the left
    with long rows, several times as fast as one over blocks of 64 in a row.
    """
    cuts = [_cut(_padded(planes, 8, 8)) for planes in (luma, chroma)]
    shapes = [cut.shape for cut in cuts]
    count, others = (prod(shape[3:]) for shape in shapes)
    blocks = luma.new_empty((len(luma), 8, 8, count + others))
    for cut, part in zip(cuts, _parts(blocks, count), strict=True):
        part.view(cut.shape).copy_(cut)
    kept = _parts(_requantized(blocks, count, qualities), count)
    one, two = (_joined(part.view(shape)) for part, shape in zip(kept, shapes, strict=True))
    return one[..., : luma.shape[-2], : luma.shape[-1]], two[..., : chroma.shape[-2], : chroma.shape[-1]]


def _parts(blocks: Tensor, count: int) -> tuple[Tensor, Tensor]:
    """Luma's blocks, which come first, and those of chroma."""
    return blocks[..., :count], blocks[..., count:]


def _cut(planes: Tensor) -> Tensor:
    """(B, C, h, w) -> a view of its blocks (B, 8, 8, C, h / 8, w / 8)."""
    count, channels, height, width = planes.shape
    return planes.view(count, channels, height // 8, 8, width // 8, 8).permute(0, 3, 5, 1, 2, 4)


def _joined(blocks: Tensor) -> Tensor:
    """(B, 8, 8, C, rows, columns) -> (B, C, 8 rows, 8 columns)."""
    count, _, _, channels, rows, columns = blocks.shape
    return blocks.permute(0, 3, 4, 1, 5, 2).reshape(count, channels, 8 * rows, 8 * columns)


def _requantized(blocks: Tensor, count: int, qualities: Sequence[int]) -> Tensor:
    """Blocks (B, 8, 8, N) of pixels, of which `count` are luma's -> what quantization leaves of them."""
    rows, columns, columns_back, rows_back = (one.to(blocks.device) for one in _transforms(blocks.dtype))
    chosen = torch.tensor(qualities, device="cpu")
    tables = [[one[chosen].to(blocks.device) for one in _tables(chroma, blocks.dtype)] for chroma in (False, True)]
    eighths = rounded(_along_columns(columns, rounded(_along_rows(rows, blocks), 0.5)), 0.5)
    for part, (steps, _) in zip(_parts(eighths, count), tables, strict=True):
        part.mul_(steps)
    quantized = rounded(eighths)
    for part, (_, table) in zip(_parts(quantized, count), tables, strict=True):
        part.mul_(table)
    # To add a half to every result of a transform back is to add some to its constant term, an eighth of the values.
    quantized[:, 0].add_(1 / 8)
    between = rounded(_along_columns(columns_back, quantized), 0.0)
    between[:, :, 0].add_(16)
    return clamped(rounded(_along_rows(rows_back, between), 0.0), -128, 127)


def _along_rows(matrix: Tensor, blocks: Tensor) -> Tensor:
    """The matrix times each row of each block: over the third axis of (B, 8, 8, N)."""
    lines = blocks.flatten(0, 1)
    return torch.bmm(matrix.expand(len(lines), 8, 8), lines).view(blocks.shape)


def _along_columns(matrix: Tensor, blocks: Tensor) -> Tensor:
    """The matrix times each column of each block: over the second axis of (B, 8, 8, N)."""
    lines = blocks.flatten(2)
    return torch.bmm(matrix.expand(len(lines), 8, 8), lines).view(blocks.shape)
