"""Networks that take sides of certain multiples alone (`multiple_of`): images are padded for them, and cut again."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor

from srkit.contracts import GeneratorOutput
from srkit.errors import FAILURES, SrkitError, in_short
from srkit.out_of_memory import is_out_of_memory

__all__ = ["generated", "multiple_of", "padded_in_graph"]

OF_SHAPES = (RuntimeError, ValueError, AssertionError)
"""What networks raise where a size does not fit."""

TRIED = range(2, 65)
"""Multiples that windows may ask for."""


def multiple_of(module: Any) -> int:
    """What the sides of a generator's LR images have to be multiples of; 1 where it says nothing.

    Raises:
        SrkitError: it says something that is no such number.
    """
    found = getattr(module, "multiple_of", 1)
    if not isinstance(found, int) or isinstance(found, bool) or found < 1:
        raise SrkitError(f"multiple_of = {found!r} of {type(module).__name__} has to be a whole number from 1")
    return found


def generated(module: Callable[[Tensor], Tensor | GeneratorOutput], lr: Tensor) -> Tensor:
    """SR of an image of any size: padded by reflection at right and bottom to what the generator takes, and cut again.

    Args:
        module: the generator.
        lr: (B, 3, h, w).

    Returns:
        (B, 3, h * scale, w * scale).

    Raises:
        SrkitError: it fails on this size and not on multiples of some number, and does not say so; names the number.
    """
    try:
        return _padded(module, lr, multiple_of(module))
    except FAILURES as error:
        if isinstance(error, SrkitError) or is_out_of_memory(error) or not isinstance(error, OF_SHAPES):
            raise
        needed = _needed(module, lr)
        if needed is None:
            raise
        height, width = lr.shape[-2:]
        raise SrkitError(
            f"the network {type(module).__name__} fails on an LR image of {width} x {height} pixels, and not where "
            f"both sides are multiples of {needed}: write multiple_of = {needed} into its class, and srkit pads images "
            f"for it ({in_short(error)[:240]})"
        ) from error


def padded_in_graph(module: Callable[[Tensor], Tensor], lr: Tensor, multiple: int, scale: int) -> Tensor:
    """As `generated`, by operations on tensors alone, so that a graph that is traced from it pads images of any size.

    Args:
        module: the generator, which gives its image alone.
        lr: (B, 3, h, w).
        multiple: what it takes.
        scale: SR pixels of a LR pixel.
    """
    sides = [torch.as_tensor(side) for side in lr.shape[-2:]]
    ends = [side + (-side) % multiple for side in sides]
    places = [torch.arange(end, device=lr.device) for end in ends]  # type: ignore[call-overload]
    rows, columns = (_mirrored(own, side) for own, side in zip(places, sides, strict=True))
    sr = module(lr.index_select(-2, rows).index_select(-1, columns))
    return sr[..., : sides[0] * scale, : sides[1] * scale]


def _mirrored(places: Tensor, side: Tensor) -> Tensor:
    """Places beyond the last one, back into the side as its mirror image has them."""
    last = side - 1
    return last - (places % (2 * last).clamp(min=1) - last).abs()


def _needed(module: Callable[[Tensor], Tensor | GeneratorOutput], lr: Tensor) -> int | None:
    """The least multiple with which the generator takes the image; None where the size is not what is wrong."""
    own = multiple_of(module)
    for multiple in TRIED:
        if multiple <= own or not any(side % multiple for side in lr.shape[-2:]):
            continue
        try:
            # 23 padded to an even 24 is one of 8 too: the sides of the first tell them apart
            _padded(module, _of_size(lr, multiple, 3 * multiple), multiple)
            _padded(module, lr, multiple)
        except FAILURES:
            continue
        return multiple
    return None


def _of_size(lr: Tensor, height: int, width: int) -> Tensor:
    own_height, own_width = lr.shape[-2:]
    rows = _reflected(own_height, max(0, height - own_height), lr.device)[:height]
    columns = _reflected(own_width, max(0, width - own_width), lr.device)[:width]
    return lr[..., rows, :][..., columns]


def _padded(module: Callable[[Tensor], Tensor | GeneratorOutput], lr: Tensor, multiple: int) -> Tensor:
    height, width = lr.shape[-2:]
    down, right = (-side % multiple for side in (height, width))
    if down or right:
        lr = lr[..., _reflected(height, down, lr.device), :][..., _reflected(width, right, lr.device)]
    output = module(lr)
    sr = output.sr if isinstance(output, GeneratorOutput) else output
    if not (down or right):
        return sr
    scale = sr.shape[-1] // lr.shape[-1]
    return sr[..., : height * scale, : width * scale]


def _reflected(side: int, more: int, device: torch.device) -> Tensor:
    """The places of a side that goes on as its mirror image, as often as it takes."""
    places = torch.arange(side + more, device=device)
    if side == 1:
        return torch.zeros_like(places)
    period = 2 * (side - 1)
    return side - 1 - (places % period - (side - 1)).abs()
