"""The strip picture: versions of one photo side by side under captions, and the same detail of each magnified below."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np
from PIL import Image, ImageDraw, ImageFont

from srkit.evaluation.detail import most_detailed

if TYPE_CHECKING:
    from torch import Tensor

MAX_WIDTH = 2400
"""No strip is wider, in pixels."""

# A neutral dark grey: it tints no colour, and neither black hair nor white sky runs into it.
_BACKGROUND = (32, 32, 34)
_INK = (236, 236, 236)
_QUIET_INK = (152, 152, 156)
_MARK = (255, 196, 61)

# Sides of a panel: wider ones cost file size and show nothing more, narrower ones have no room for a caption.
_MOST, _LEAST = 640, 240
_MAGNIFICATION = 4


@dataclass(frozen=True)
class Layout:
    """Where things go, in pixels of the strip unless said otherwise.

    Attributes:
        shown: width and height of each photo as it is shown.
        panel: width of a column; photos narrower than it are centred.
        detail: (left, top, width, height) of the magnified part in the photo's own pixels, None if the photo is shown
            so large that nothing is gained.
        magnification: of the detail, a whole number.
        gap: between columns and around everything.
        font: size of the captions.
        size: width and height of the whole strip.
    """

    shown: tuple[int, int]
    panel: int
    detail: tuple[int, int, int, int] | None
    magnification: int
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
    def detail_top(self) -> int:
        return self.photo_top + self.shown[1] + self.gap

    @property
    def footer_font(self) -> int:
        return max(12, round(self.font * 0.7))

    @property
    def detail_size(self) -> tuple[int, int]:
        """The magnified detail's width and height; at most the panel's width, cut off where it is no multiple."""
        assert self.detail is not None
        return min(self.panel, self.detail[2] * self.magnification), self.detail[3] * self.magnification


def strip(pictures: Sequence[tuple[str, Tensor | np.ndarray]], *, max_width: int = MAX_WIDTH) -> Image.Image:
    """Lay versions of one photo side by side.

    Small photos are magnified by a whole number, pixel by pixel, until they fill their panel; larger ones have their
    most detailed part (of the first picture, so hand over the original first) magnified beneath, pixel by pixel too.

    Args:
        pictures: captions such as "bicubic 28.31 dB" with pictures of one size, uint8, a tensor (3, H, W) or an array
            (H, W, 3).
        max_width: of the result, in pixels.

    Returns:
        An RGB picture.

    Raises:
        ValueError: no pictures, of different sizes, or not uint8 RGB; or more of them than max_width has room for.
    """
    images = [_array(picture) for _, picture in pictures]
    if not images:
        raise ValueError("a strip needs at least one picture")
    if len({image.shape for image in images}) > 1:
        raise ValueError(f"pictures of different sizes: {', '.join(str(image.shape) for image in images)}")
    layout = lay_out(images[0], len(images), max_width)
    canvas = Image.new("RGB", layout.size, _BACKGROUND)
    draw = ImageDraw.Draw(canvas)
    for index, ((caption, _), image) in enumerate(zip(pictures, images, strict=True)):
        _draw_caption(draw, layout, layout.column(index), caption)
        _paste_photo(canvas, draw, layout, layout.column(index), image, marked=index == 0)
        if layout.detail is not None:
            _paste_detail(canvas, layout, layout.column(index), image)
    if layout.detail is not None:
        _draw_footer(draw, layout, images[0].shape[1])
    return canvas


def lay_out(image: np.ndarray, count: int, max_width: int = MAX_WIDTH) -> Layout:
    """Measure a strip of `count` pictures the size of `image`, uint8 (H, W, 3); the detail is chosen in it."""
    height, width = image.shape[:2]
    gap = 20 if count > 1 else 16
    most = min(_MOST, (max_width - gap * (count + 1)) // count)
    if most < 32:
        raise ValueError(f"{count} pictures have no room in a width of {max_width} pixels")
    fit = min(most / width, most / height)
    times = max(1, int(fit))
    shown = (width * times, height * times) if fit >= 1 else (max(1, round(width * fit)), max(1, round(height * fit)))
    panel = min(most, max(shown[0], _LEAST))
    detail, magnification = None, _MAGNIFICATION * times
    # From three times on single pixels can be told apart in the photo itself.
    if times < 3:
        across = min(width, -(-panel // magnification))
        down = min(height, max(1, across * 3 // 4))
        detail = (*most_detailed(image, across, down), across, down)
    font = max(14, min(28, panel // 24))
    across_all = gap + count * (panel + gap)
    layout = Layout(shown, panel, detail, magnification, gap, font, (across_all, 0))
    bottom = layout.photo_top + shown[1]
    if detail is not None:
        bottom = layout.detail_top + layout.detail_size[1] + gap // 2 + layout.footer_font
    return replace(layout, size=(across_all, bottom + gap))


def _array(picture: Tensor | np.ndarray) -> np.ndarray:
    array = picture if isinstance(picture, np.ndarray) else picture.permute(1, 2, 0).cpu().contiguous().numpy()
    if array.dtype != np.uint8 or array.ndim != 3 or array.shape[2] != 3 or not array.size:
        raise ValueError(f"expected uint8 RGB, not {array.dtype} {array.shape}")
    return np.ascontiguousarray(array)


def _paste_photo(
    canvas: Image.Image, draw: ImageDraw.ImageDraw, layout: Layout, left: int, image: np.ndarray, marked: bool
) -> None:
    height, width = image.shape[:2]
    larger = layout.shown[0] >= width
    kernel = Image.Resampling.NEAREST if larger else Image.Resampling.LANCZOS
    left += (layout.panel - layout.shown[0]) // 2
    canvas.paste(Image.fromarray(image).resize(layout.shown, kernel), (left, layout.photo_top))
    if layout.detail is None or not marked:
        return
    across, down = layout.shown[0] / width, layout.shown[1] / height
    x, y, w, h = layout.detail
    box = (
        left + round(x * across),
        layout.photo_top + round(y * down),
        left + round((x + w) * across) - 1,
        layout.photo_top + round((y + h) * down) - 1,
    )
    draw.rectangle(box, outline=_MARK, width=2)


def _paste_detail(canvas: Image.Image, layout: Layout, left: int, image: np.ndarray) -> None:
    assert layout.detail is not None
    x, y, w, h = layout.detail
    part = Image.fromarray(np.ascontiguousarray(image[y : y + h, x : x + w]))
    part = part.resize((w * layout.magnification, h * layout.magnification), Image.Resampling.NEAREST)
    width, height = layout.detail_size
    canvas.paste(part.crop((0, 0, width, height)), (left + (layout.panel - width) // 2, layout.detail_top))


def _draw_caption(draw: ImageDraw.ImageDraw, layout: Layout, left: int, caption: str) -> None:
    font = ImageFont.load_default(size=layout.font)
    baseline = layout.gap + round(layout.font * 1.05)
    draw.text((left, baseline), _fitting(caption, font, layout.panel), font=font, fill=_INK, anchor="ls")


def _draw_footer(draw: ImageDraw.ImageDraw, layout: Layout, width: int) -> None:
    font = ImageFont.load_default(size=layout.footer_font)
    ratio = layout.shown[0] / width
    shown = "" if ratio == 1 else f"photos shown at {ratio:.0%}, "
    text = f"{shown}the marked part magnified {layout.magnification} times"
    baseline = layout.size[1] - layout.gap
    text = _fitting(text, font, layout.size[0] - 2 * layout.gap)
    draw.text((layout.gap, baseline), text, font=font, fill=_QUIET_INK, anchor="ls")


def _fitting(text: str, font: ImageFont.ImageFont | ImageFont.FreeTypeFont, width: int) -> str:
    """The text, shortened in its middle where it is too long: its end has the score."""
    shorter, kept = text, len(text)
    while font.getlength(shorter) > width and kept > 1:
        kept -= 1
        shorter = f"{text[: kept // 2]}...{text[len(text) - (kept - kept // 2) :]}"
    return shorter
