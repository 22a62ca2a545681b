"""The strip picture: versions of one photo side by side under captions, and the same details of each magnified
below."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np
from PIL import Image, ImageDraw

from srkit.evaluation.detail import most_detailed
from srkit.evaluation.look import (
    BACKGROUND,
    INK,
    MARKS,
    QUIET_INK,
    Box,
    fitting,
    font_of,
    magnified,
    picture_array,
)

if TYPE_CHECKING:
    from torch import Tensor

__all__ = ["MAX_WIDTH", "Choose", "Detail", "Layout", "detailed_original", "lay_out", "strip"]

MAX_WIDTH = 2400
"""No strip is wider, in pixels."""

# Sides of a panel: wider ones cost file size and show nothing more, narrower ones have no room for a caption.
_MOST, _LEAST = 640, 240
_MAGNIFICATION = 4
_FRAME = 3

Choose = Callable[[Sequence[np.ndarray], int, int], tuple[int, int]]
"""Finds the part to be magnified: all versions, and the part's width and height -> its left and top."""


@dataclass(frozen=True)
class Detail:
    """A part of the photo that is magnified.

    Attributes:
        box: where it is in the photo.
        magnification: a whole number.
        top: where its row begins in the strip.
    """

    box: Box
    magnification: int
    top: int = 0

    def size(self, panel: int) -> tuple[int, int]:
        """Width and height in the strip; at most the panel's width, cut off where it is no multiple."""
        return min(panel, self.box[2] * self.magnification), self.box[3] * self.magnification


@dataclass(frozen=True)
class Layout:
    """Where things go, in pixels of the strip unless said otherwise.

    Attributes:
        shown: width and height of each photo as it is shown.
        panel: width of a column; photos narrower than it are centred.
        details: what is magnified, a row each; none if the photo is shown so large that nothing is gained.
        gap: between columns and around everything.
        font: size of the captions.
        size: width and height of the whole strip.
    """

    shown: tuple[int, int]
    panel: int
    details: tuple[Detail, ...]
    gap: int
    font: int
    size: tuple[int, int]

    def column(self, index: int) -> int:
        """The left edge of a column."""
        return self.gap + index * (self.panel + self.gap)

    @property
    def photo_top(self) -> int:
        return self.gap + round(self.font * 1.7)

    @property
    def footer_font(self) -> int:
        return max(12, round(self.font * 0.7))


def detailed_original(images: Sequence[np.ndarray], width: int, height: int) -> tuple[int, int]:
    """Chooses the most detailed part of the first picture."""
    return most_detailed(images[0], width, height)


def strip(
    pictures: Sequence[tuple[str, Tensor | np.ndarray]],
    *,
    crops: Sequence[Box] = (),
    choose: Choose = detailed_original,
    note: str = "",
    max_width: int = MAX_WIDTH,
) -> Image.Image:
    """Lay versions of one photo side by side.

    Small photos are magnified by a whole number, pixel by pixel, until they fill their panel; larger ones have a part
    magnified beneath, pixel by pixel too.

    Args:
        pictures: captions such as "bicubic 28.31 dB" with pictures of one size, uint8, a tensor (3, H, W) or an array
            (H, W, 3).
        crops: the parts that are magnified, each at most as wide as a column; by default one that `choose` finds.
        choose: finds it; by default the most detailed part of the first picture, so hand over the original first.
        note: what stands beneath, such as how the LR picture was made.
        max_width: of the result, in pixels.

    Returns:
        An RGB picture.

    Raises:
        ValueError: no pictures, of different sizes, or not uint8 RGB; more of them than max_width has room for; a crop
            that is wider than a column or not inside of the photo.
    """
    images = [picture_array(picture) for _, picture in pictures]
    if not images:
        raise ValueError("a strip needs at least one picture")
    if len({image.shape for image in images}) > 1:
        raise ValueError(f"pictures of different sizes: {', '.join(str(image.shape) for image in images)}")
    size = (images[0].shape[1], images[0].shape[0])
    layout = lay_out(size, len(images), crops, footer=bool(note), max_width=max_width)
    if layout.details and not crops:
        layout = _placed(layout, choose(images, *layout.details[0].box[2:]))
    canvas = Image.new("RGB", layout.size, BACKGROUND)
    draw = ImageDraw.Draw(canvas)
    for index, ((caption, _), image) in enumerate(zip(pictures, images, strict=True)):
        _draw_caption(draw, layout, layout.column(index), caption)
        _paste_photo(canvas, draw, layout, layout.column(index), image, marked=index == 0)
        for number, detail in enumerate(layout.details):
            _paste_detail(canvas, draw, layout, layout.column(index), image, detail, number)
    _draw_footer(draw, layout, size[0], note)
    return canvas


def _columns(size: tuple[int, int], count: int, max_width: int) -> tuple[int, tuple[int, int], int]:
    """The gap, the photo's size as it is shown, and the column's width."""
    width, height = size
    gap = 20 if count > 1 else 16
    most = min(_MOST, (max_width - gap * (count + 1)) // count)
    if most < 32:
        raise ValueError(f"{count} pictures have no room in a width of {max_width} pixels")
    fit = min(most / width, most / height)
    times = int(fit)
    shown = (width * times, height * times) if fit >= 1 else (max(1, round(width * fit)), max(1, round(height * fit)))
    return gap, shown, min(most, max(shown[0], _LEAST))


def lay_out(
    size: tuple[int, int],
    count: int,
    crops: Sequence[Box] = (),
    *,
    footer: bool = False,
    max_width: int = MAX_WIDTH,
) -> Layout:
    """Measure a strip of `count` photos of (width, height).

    Without crops the one detail there may be lies at the photo's top left, until somebody has chosen its place.

    Raises:
        ValueError: as `strip`.
    """
    gap, shown, panel = _columns(size, count, max_width)
    font = max(16, min(28, panel // 20))
    layout = Layout(shown, panel, (), gap, font, (gap + count * (panel + gap), 0))
    top, details = layout.photo_top + shown[1] + gap, []
    room = panel - (2 * _FRAME if len(crops) > 1 else 0)
    for detail in [_named(crop, size, room) for crop in crops] if crops else _automatic(size, shown, panel):
        details.append(replace(detail, top=top))
        top += detail.size(panel)[1] + gap
    bottom = top - gap
    if details or footer:
        bottom += gap // 2 + layout.footer_font
    return replace(layout, details=tuple(details), size=(layout.size[0], bottom + gap))


def _named(crop: Box, size: tuple[int, int], room: int) -> Detail:
    """A part that somebody chose, as large as the column allows and not much higher than it is wide."""
    left, top, width, height = crop
    inside = left >= 0 and top >= 0 and left + width <= size[0] and top + height <= size[1]
    if not inside or min(width, height) < 1:
        raise ValueError(f"{','.join(map(str, crop))} is no part of a photo of {size[0]}x{size[1]} pixels")
    if width > room:
        raise ValueError(f"a part of {width} pixels is wider than a column, which has room for {room}")
    return Detail(crop, max(1, min(room // width, room // height)))


def _automatic(size: tuple[int, int], shown: tuple[int, int], panel: int) -> list[Detail]:
    times = max(1, shown[0] // size[0])
    # From three times on single pixels can be told apart in the photo itself.
    if times >= 3:
        return []
    magnification = _MAGNIFICATION * times
    across = min(size[0], -(-panel // magnification))
    return [Detail((0, 0, across, min(size[1], max(1, across * 3 // 4))), magnification)]


def _placed(layout: Layout, place: tuple[int, int]) -> Layout:
    (detail,) = layout.details
    return replace(layout, details=(replace(detail, box=(*place, *detail.box[2:])),))


def _paste_photo(
    canvas: Image.Image, draw: ImageDraw.ImageDraw, layout: Layout, left: int, image: np.ndarray, marked: bool
) -> None:
    height, width = image.shape[:2]
    larger = layout.shown[0] >= width
    kernel = Image.Resampling.NEAREST if larger else Image.Resampling.LANCZOS
    left += (layout.panel - layout.shown[0]) // 2
    canvas.paste(Image.fromarray(image).resize(layout.shown, kernel), (left, layout.photo_top))
    across, down = layout.shown[0] / width, layout.shown[1] / height
    for number, detail in enumerate(layout.details if marked else ()):
        x, y, w, h = detail.box
        box = (
            left + round(x * across),
            layout.photo_top + round(y * down),
            # a part of few pixels is marked too where a large photo is shown small
            left + max(round((x + w) * across) - 1, round(x * across) + 3),
            layout.photo_top + max(round((y + h) * down) - 1, round(y * down) + 3),
        )
        draw.rectangle(box, outline=_mark(number), width=2)


def _paste_detail(
    canvas: Image.Image,
    draw: ImageDraw.ImageDraw,
    layout: Layout,
    left: int,
    image: np.ndarray,
    detail: Detail,
    number: int,
) -> None:
    width, height = detail.size(layout.panel)
    part = magnified(image, detail.box, detail.magnification)
    if len(layout.details) > 1:  # which mark it belongs to
        left += _FRAME
        edge = (left - _FRAME, detail.top - _FRAME, left + width + _FRAME - 1, detail.top + height + _FRAME - 1)
        draw.rectangle(edge, outline=_mark(number), width=_FRAME)
    canvas.paste(part.crop((0, 0, width, height)), (left, detail.top))


def _mark(number: int) -> tuple[int, int, int]:
    return MARKS[number % len(MARKS)]


def _draw_caption(draw: ImageDraw.ImageDraw, layout: Layout, left: int, caption: str) -> None:
    font = font_of(layout.font)
    baseline = layout.gap + round(layout.font * 1.05)
    draw.text((left, baseline), fitting(caption, font, layout.panel), font=font, fill=INK, anchor="ls")


def _draw_footer(draw: ImageDraw.ImageDraw, layout: Layout, width: int, note: str) -> None:
    font = font_of(layout.footer_font)
    ratio = layout.shown[0] / width
    words = [note] if note else []
    if layout.details and ratio != 1:
        words.append(f"photos shown at {ratio:.0%}")
    if layout.details:
        times = dict.fromkeys(detail.magnification for detail in layout.details)
        part = "part" if len(layout.details) == 1 else "parts"
        words.append(f"the marked {part} magnified {' and '.join(map(str, times))} times")
    text = fitting(", ".join(words), font, layout.size[0] - 2 * layout.gap)
    draw.text((layout.gap, layout.size[1] - layout.gap), text, font=font, fill=QUIET_INK, anchor="ls")
