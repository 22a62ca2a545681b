"""How pictures of results look: one background, one ink, captions that keep their score, details magnified alike."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from PIL import Image, ImageFont

from srkit.printable import printable

if TYPE_CHECKING:
    from torch import Tensor

__all__ = [
    "BACKGROUND",
    "INK",
    "MARKS",
    "QUIET_INK",
    "Box",
    "Font",
    "fitting",
    "font_of",
    "magnified",
    "picture_array",
]

# A neutral dark grey: it tints no colour, and neither black hair nor white sky runs into it.
BACKGROUND = (32, 32, 34)
INK = (236, 236, 236)
QUIET_INK = (152, 152, 156)
MARKS = ((255, 196, 61), (92, 200, 255), (255, 122, 198), (142, 224, 112))
"""Colours of marked parts, in order; far from each other for those too who see two of the three colours."""

Box = tuple[int, int, int, int]
"""A part of a photo: left, top, width, height in its own pixels."""

Font = ImageFont.ImageFont | ImageFont.FreeTypeFont


def font_of(size: int) -> Font:
    """The font of captions, which comes with Pillow and so is the same on every machine."""
    return ImageFont.load_default(size=size)


def fitting(text: str, font: Font, width: int) -> str:
    """The text, shortened in its middle where it is too long: its end has the score."""
    text = printable(text)
    shorter, kept = text, len(text)
    while font.getlength(shorter) > width and kept > 1:
        kept -= 1
        shorter = f"{text[: kept // 2]}...{text[len(text) - (kept - kept // 2) :]}"
    return shorter


def magnified(image: np.ndarray, box: Box, times: int) -> Image.Image:
    """A part of uint8 (H, W, 3), each pixel as a square of `times` x `times`."""
    left, top, width, height = box
    part = Image.fromarray(np.ascontiguousarray(image[top : top + height, left : left + width]))
    return part.resize((width * times, height * times), Image.Resampling.NEAREST)


def picture_array(picture: Tensor | np.ndarray) -> np.ndarray:
    """A uint8 tensor (3, H, W) or array (H, W, 3) as an array (H, W, 3).

    Raises:
        ValueError: it is something else.
    """
    array = picture if isinstance(picture, np.ndarray) else picture.permute(1, 2, 0).cpu().contiguous().numpy()
    if array.dtype != np.uint8 or array.ndim != 3 or array.shape[2] != 3 or not array.size:
        raise ValueError(f"expected uint8 RGB, not {array.dtype} {array.shape}")
    return np.ascontiguousarray(array)
