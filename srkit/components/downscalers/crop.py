"""Cutting a size down to a multiple of the scale."""

from __future__ import annotations

from srkit.errors import OptionError, UserError

__all__ = ["check_scale", "small_size"]


def check_scale(scale: int) -> int:
    """The scale, or an `OptionError` where no downscaler can do it."""
    if scale < 1:
        raise OptionError("scale", f"a downscaler shrinks by a whole number from 1, got {scale}.")
    return scale


def small_size(height: int, width: int, scale: int) -> tuple[int, int]:
    """Height and width of the LR picture; what the scale does not divide is left over at right and bottom."""
    if min(height, width) < scale:
        raise UserError(f"a picture of {width} x {height} pixels cannot be made {scale} times smaller")
    return height // scale, width // scale
