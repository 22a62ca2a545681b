"""One picture through a generator, whole or in tiles: 8 or 16 bit in and out."""

from __future__ import annotations

import warnings
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

import numpy as np
import torch
from torch import Tensor

from srkit.contracts import GeneratorOutput
from srkit.errors import SrkitError, SrkitWarning
from srkit.inference.forward import evaluating, forward, is_finite
from srkit.inference.tiles import Box, Tiling, boxes, grown
from srkit.inference.turns import ALL_TURNS, UPRIGHT, Turn
from srkit.out_of_memory import is_out_of_memory

Network = Callable[[Tensor], Tensor | GeneratorOutput]
OnTile = Callable[[int], None]
"""Called with the LR pixels a tile has added to the result."""

WHOLE = Tiling(0, None)


@dataclass(frozen=True)
class _Pass:
    """What stays the same from one tile of a picture to the next."""

    module: Network
    device: torch.device
    autocast: torch.dtype | None
    channels_last: bool
    turns: Sequence[Turn]
    tiling: Tiling
    on_tile: OnTile


class _Overflow(Exception):
    """A tile is not finite in half precision."""


def upscale(
    module: Network,
    image: np.ndarray,
    *,
    device: torch.device | str = "cpu",
    autocast: torch.dtype | None = None,
    channels_last: bool = False,
    tiling: Tiling | None = None,
    self_ensemble: bool = False,
    on_tile: OnTile | None = None,
) -> np.ndarray:
    """Upscale a picture.

    Args:
        module: a generator that already is on `device`; its train and eval modes come back as they were.
        image: uint8 or uint16 (h, w, 3), RGB.
        device: where to compute.
        autocast: the dtype to compute in; None for fp32. A picture that overflows it is computed again in fp32, with a
            `UserWarning`.
        channels_last: hand the input over in that memory layout.
        tiling: how the picture is cut; by default it goes through whole. Tiles that do not fit into the device's memory
            are halved, with a `UserWarning`.
        self_ensemble: average the results of the picture's eight turns and mirrorings.
        on_tile: called after each tile; a picture that is begun anew tells so by a negative number.

    Returns:
        (h * scale, w * scale, 3) of the same type as `image`, clamped and rounded.

    Raises:
        SrkitError: the device's memory does not suffice, or the result is not finite in fp32 either.
        ValueError: `image` is not uint8 or uint16 (h, w, 3).
    """
    if image.dtype not in (np.uint8, np.uint16) or image.ndim != 3 or image.shape[2] != 3:
        raise ValueError(f"expected uint8 or uint16 (h, w, 3), not {image.dtype} {image.shape}")
    turns = ALL_TURNS if self_ensemble else (UPRIGHT,)
    done = _Counted(on_tile or (lambda _: None))
    work = _Pass(module, torch.device(device), autocast, channels_last, turns, tiling or WHOLE, done)
    while True:
        failure = None
        try:
            with evaluating(module):
                return _all_tiles(work, image)
        except _Overflow:
            name = str(work.autocast).removeprefix("torch.")
            warnings.warn(f"the picture overflows {name} and was computed again in float32", SrkitWarning, stacklevel=2)
            work = replace(work, autocast=None)
        except (MemoryError, RuntimeError) as error:
            if not is_out_of_memory(error):
                raise
            failure = _out_of_memory_message(image, work)
        # Out here, so that no traceback keeps the pass's tensors alive.
        done.take_back()
        if failure is not None:
            work = _with_smaller_tiles(work, failure)


class _Counted:
    """Passes tiles on and can take them back."""

    def __init__(self, on_tile: OnTile) -> None:
        self.on_tile, self.pixels = on_tile, 0

    def __call__(self, pixels: int) -> None:
        self.pixels += pixels
        self.on_tile(pixels)

    def take_back(self) -> None:
        if self.pixels:
            self(-self.pixels)


def _with_smaller_tiles(work: _Pass, failure: str) -> _Pass:
    smaller = work.tiling.smaller() if work.tiling.halo is not None else None
    if smaller is None:
        raise SrkitError(failure)
    if work.device.type == "cuda":
        torch.cuda.empty_cache()
    warnings.warn(
        f"tiles of {work.tiling.side} pixels do not fit into memory; {smaller.side} from here on",
        SrkitWarning,
        stacklevel=3,
    )
    return replace(work, tiling=smaller)


def _all_tiles(work: _Pass, image: np.ndarray) -> np.ndarray:
    height, width = image.shape[:2]
    large: np.ndarray | None = None
    for box in boxes(height, width, work.tiling):
        sr = _tile(work, image, box)
        scale = sr.shape[0] // (box.bottom - box.top)
        if large is None:
            large = np.empty((height * scale, width * scale, 3), image.dtype)
        large[box.top * scale : box.bottom * scale, box.left * scale : box.right * scale] = sr
        work.on_tile((box.bottom - box.top) * (box.right - box.left))
    assert large is not None  # a picture has a pixel
    return large


def _tile(work: _Pass, image: np.ndarray, box: Box) -> np.ndarray:
    """The result of one part, in the picture's type."""
    total: Tensor | None = None
    for turn in work.turns:
        sr = turn.back(_turned(work, turn.view(image), turn.box(box, *image.shape[:2])))
        total = sr if total is None else total + sr
    assert total is not None
    mean = total / len(work.turns) if len(work.turns) > 1 else total
    full = np.iinfo(image.dtype).max
    # uint16 has few operations in torch
    levels = mean.clamp(0, 1).mul(full).round().to(torch.uint8 if full == 255 else torch.int32)
    return levels[0].permute(1, 2, 0).cpu().numpy().astype(image.dtype, copy=False)


def _turned(work: _Pass, picture: np.ndarray, box: Box) -> Tensor:
    """(1, 3, ...) SR of one part of a picture that was turned."""
    height, width = picture.shape[:2]
    read = grown(box, height, width, work.tiling)
    cut = picture[read.top : read.bottom, read.left : read.right]
    # A copy, because a decoder's array may be read-only or have negative strides, neither of which torch takes.
    whole = torch.from_numpy(cut.astype(np.int32) if cut.dtype == np.uint16 else cut.copy()).to(work.device)
    lr = whole.permute(2, 0, 1).unsqueeze(0).float().div(np.iinfo(picture.dtype).max).contiguous()
    sr = forward(work.module, lr, autocast=work.autocast, channels_last=work.channels_last)
    if not is_finite(sr):
        if work.autocast is not None:
            raise _Overflow
        raise SrkitError(
            "the model's picture is not finite (NaN or infinite values), in float32 too: its training diverged or its "
            "weights are damaged. Use an earlier checkpoint."
        )
    scale = sr.shape[-1] // lr.shape[-1]
    top, left = (box.top - read.top) * scale, (box.left - read.left) * scale
    bottom, right = top + (box.bottom - box.top) * scale, left + (box.right - box.left) * scale
    return sr[..., top:bottom, left:right]


def _out_of_memory_message(image: np.ndarray, work: _Pass) -> str:
    height, width = image.shape[:2]
    ways = [f"cut the picture into pieces of {max(1, width // 2)} x {max(1, height // 2)} pixels or less"]
    if work.tiling.halo is not None:
        ways = ["close other programs"]
    if work.device.type != "cpu":
        ways = ["close what else uses the device", *ways[work.tiling.halo is not None :], "use --device cpu"]
        if work.autocast is None:
            ways.append("compute in half precision")
    how = "whole" if work.tiling.halo is None else f"in tiles of {work.tiling.side}"
    return (
        f"out of memory: {work.device} cannot upscale a picture of {width} x {height} pixels {how}. "
        f"What helps: {', '.join(ways[:-1])}{' or ' if len(ways) > 1 else ''}{ways[-1]}."
    )
