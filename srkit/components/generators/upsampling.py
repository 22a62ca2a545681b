"""How a scale is reached in steps of a pixel shuffle."""

from __future__ import annotations

from srkit.errors import OptionError

__all__ = ["steps_of"]


def steps_of(scale: int, network: str) -> list[int]:
    """The steps that make a scale: [] for 1, twos for a power of two, [3] for 3.

    Raises:
        OptionError: another scale.
    """
    if scale == 3:
        return [3]
    if scale < 1 or scale & (scale - 1):
        raise OptionError("scale", f"{network} enlarges by 3 or a power of two, got {scale}.")
    return [2] * (scale.bit_length() - 1)
