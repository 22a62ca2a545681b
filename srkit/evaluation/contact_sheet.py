"""The contact sheet: LR and HR patches side by side, and beneath each pair what was drawn for it."""

from __future__ import annotations

import textwrap
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from PIL import Image, ImageDraw, ImageFont

from srkit.printable import printable

__all__ = ["Shown", "contact_sheet"]

MAX_WIDTH = 1800
"""No sheet is wider, in pixels, unless a single pair is."""

_LEAST = 192  # sides of a picture as it is shown: smaller ones are magnified, pixel by pixel, to come near it
_GAP, _BETWEEN, _FONT, _TITLE_FONT = 28, 6, 14, 20
_BACKGROUND, _INK, _QUIET_INK = (32, 32, 34), (236, 236, 236), (165, 165, 170)


@dataclass(frozen=True)
class Shown:
    """One pair of the sheet.

    Attributes:
        name: the sample's.
        lr: uint8 (h, w, 3).
        hr: uint8 (H, W, 3), larger by a whole number.
        lines: what was drawn for it, one line an entry.
    """

    name: str
    lr: np.ndarray
    hr: np.ndarray
    lines: Sequence[str] = ()


def contact_sheet(pairs: Sequence[Shown], title: str) -> Image.Image:
    """LR, magnified pixel by pixel to HR's size, beside HR; captions beneath.

    Args:
        pairs: all of one size; at least one.
        title: what the sheet shows.

    Returns:
        An RGB picture, as many pairs in a row as `MAX_WIDTH` has room for.
    """
    height, width = pairs[0].hr.shape[:2]
    times = max(1, round(_LEAST / min(height, width)))
    cell = 2 * width * times + _BETWEEN
    columns = max(1, min(len(pairs), (MAX_WIDTH - _GAP) // (cell + _GAP)))
    font, title_font = (ImageFont.load_default(size=size) for size in (_FONT, _TITLE_FONT))
    captions = [_caption(pair, font, cell) for pair in pairs]
    line_height = round(_FONT * 1.4)
    depth = height * times + 10 + max(map(len, captions)) * line_height
    rows = -(-len(pairs) // columns)
    heads = _wrapped(title, title_font, columns * (cell + _GAP) - _GAP)
    head = _GAP + len(heads) * round(_TITLE_FONT * 1.3)
    size = (_GAP + columns * (cell + _GAP), head + 12 + rows * (depth + _GAP))
    canvas = Image.new("RGB", size, _BACKGROUND)
    draw = ImageDraw.Draw(canvas)
    for number, line in enumerate(heads):
        draw.text((_GAP, _GAP + number * round(_TITLE_FONT * 1.3)), line, font=title_font, fill=_INK)
    for place, (pair, lines) in enumerate(zip(pairs, captions, strict=True)):
        left = _GAP + place % columns * (cell + _GAP)
        top = head + 12 + place // columns * (depth + _GAP)
        shown = (width * times, height * times)
        for side, image in enumerate((pair.lr, pair.hr)):
            large = Image.fromarray(np.ascontiguousarray(image)).resize(shown, Image.Resampling.NEAREST)
            canvas.paste(large, (left + side * (shown[0] + _BETWEEN), top))
        for number, line in enumerate(lines):
            spot = (left, top + shown[1] + 8 + number * line_height)
            draw.text(spot, line, font=font, fill=_INK if number == 0 else _QUIET_INK)
    return canvas


def _caption(pair: Shown, font: ImageFont.FreeTypeFont | ImageFont.ImageFont, width: int) -> list[str]:
    name = printable(pair.name)
    while font.getlength(name) > width and len(name) > 4:
        name = "..." + name.removeprefix("...")[1:]  # its end tells files apart
    return [name, *(line for entry in pair.lines for line in _wrapped(entry, font, width))]


def _wrapped(text: str, font: ImageFont.FreeTypeFont | ImageFont.ImageFont, width: int) -> list[str]:
    letter = font.getlength("n" * 20) / 20
    return textwrap.wrap(text, max(12, int(width / letter)), subsequent_indent="   ")
