"""The animated picture: versions of one photo in turn at one place, which shows what no eye finds side by side."""

from __future__ import annotations

import io
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from PIL import Image, ImageDraw

from srkit.evaluation.detail import most_different
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

__all__ = ["Animation", "Film", "animated", "film"]

MOST = (1280, 1024)
"""Pixels of a photo that are shown at once; of a larger one a part."""

PART = (960, 720)
_FILLED, _MOST_TIMES = 720, 12
_LEAST_WIDTH, _GAP, _FONT, _FOOTER_FONT = 420, 16, 22, 14
QUALITIES = (95, 90, 85, 80, 75, 70)
"""Of lossy WebP, tried one after the other where the lossless file is too large; below, blocks would be judged."""


@dataclass(frozen=True)
class Film:
    """Frames of one size.

    Attributes:
        frames: one a version, in order.
        box: the part of the photo that is shown.
        times: how often each of its pixels is repeated, across and down.
    """

    frames: Sequence[Image.Image]
    box: Box
    times: int


@dataclass(frozen=True)
class Animation:
    """A WebP file's content.

    Attributes:
        data: the bytes.
        quality: of the lossy frames; None for lossless ones, whose pixels are the pictures' own.
    """

    data: bytes
    quality: int | None


def film(pictures: Sequence[tuple[str, Tensor | np.ndarray]], *, crop: Box | None = None, note: str = "") -> Film:
    """Make the frames: the photo beneath the captions of all versions, the shown one's lit.

    No picture is ever shrunk. Small ones are magnified by a whole number, pixel by pixel; of one larger than `MOST` the
    part is shown in which the versions differ most.

    Args:
        pictures: captions such as "bicubic 28.31 dB" with pictures of one size, uint8, a tensor (3, H, W) or an array
            (H, W, 3); two or more.
        crop: the part to show.
        note: what stands beneath.

    Raises:
        ValueError: fewer pictures, of different sizes, not uint8 RGB; a crop that is not inside of them or larger than
            `MOST`.
    """
    images = [picture_array(picture) for _, picture in pictures]
    if len(images) < 2:
        raise ValueError("an animation needs two pictures")
    if len({image.shape for image in images}) > 1:
        raise ValueError(f"pictures of different sizes: {', '.join(str(image.shape) for image in images)}")
    box = _shown(images, crop)
    times = max(1, min(_MOST_TIMES, _FILLED // max(box[2:])))
    captions = [caption for caption, _ in pictures]
    words = ", ".join(([note] if note else []) + _described(box, times, images[0].shape))
    frames = [_frame(captions, lit, magnified(image, box, times), words) for lit, image in enumerate(images)]
    return Film(frames, box, times)


def _shown(images: Sequence[np.ndarray], crop: Box | None) -> Box:
    height, width = images[0].shape[:2]
    if crop is None:
        if width <= MOST[0] and height <= MOST[1]:
            return (0, 0, width, height)
        across, down = min(width, PART[0]), min(height, PART[1])
        return (*most_different(images, across, down), across, down)
    left, top, across, down = crop
    if min(left, top) < 0 or min(across, down) < 1 or left + across > width or top + down > height:
        raise ValueError(f"{','.join(map(str, crop))} is no part of a photo of {width}x{height} pixels")
    if across > MOST[0] or down > MOST[1]:
        raise ValueError(f"a part of {across}x{down} pixels is too large to be shown; at most {MOST[0]}x{MOST[1]}")
    return crop


def _described(box: Box, times: int, shape: tuple[int, ...]) -> list[str]:
    whole = box == (0, 0, shape[1], shape[0])
    part = [] if whole else [f"{box[2]}x{box[3]} pixels at {box[0]},{box[1]} of {shape[1]}x{shape[0]}"]
    return part + ([f"magnified {times} times"] if times > 1 else [])


def _frame(captions: Sequence[str], lit: int, picture: Image.Image, note: str) -> Image.Image:
    inner = max(picture.width, _LEAST_WIDTH)
    top = _GAP + round(_FONT * 1.9)
    foot = _GAP // 2 + _FOOTER_FONT if note else 0
    canvas = Image.new("RGB", (inner + 2 * _GAP, top + picture.height + foot + _GAP), BACKGROUND)
    draw = ImageDraw.Draw(canvas)
    place, room = inner / len(captions), int(inner / len(captions)) - _GAP
    # one size for all: as large as lets every caption stand whole, if that is still legible
    sizes = range(_FONT, _FOOTER_FONT - 1, -1)
    size = next((s for s in sizes if all(font_of(s).getlength(one) <= room for one in captions)), _FOOTER_FONT)
    font = font_of(size)
    for number, caption in enumerate(captions):
        left = _GAP + round(number * place)
        text = fitting(caption, font, room)
        colour = INK if number == lit else QUIET_INK
        draw.text((left, _GAP + round(_FONT * 1.05)), text, font=font, fill=colour, anchor="ls")
        if number == lit:
            line = _GAP + round(_FONT * 1.4)
            draw.rectangle((left, line, left + round(font.getlength(text)), line + 2), fill=MARKS[0])
    canvas.paste(picture, (_GAP + (inner - picture.width) // 2, top))
    if note:
        font = font_of(_FOOTER_FONT)
        spot = (_GAP, canvas.height - _GAP)
        draw.text(spot, fitting(note, font, inner), font=font, fill=QUIET_INK, anchor="ls")
    return canvas


def animated(frames: Sequence[Image.Image], *, delay: float, at_most: int) -> Animation:
    """Frames as an endless animated WebP: lossless if that is small enough, else of the best quality that is.

    Args:
        frames: of one size.
        delay: seconds that each is shown.
        at_most: bytes of the file.

    Raises:
        ValueError: it is larger whatever the quality; says how large.
    """
    sizes = []
    for quality in (None, *QUALITIES):
        data = _encoded(frames, round(delay * 1000), quality)
        if len(data) <= at_most:
            return Animation(data, quality)
        sizes.append(len(data))
    raise ValueError(f"it has {min(sizes) / 1e6:.2f} MB at least")


def _encoded(frames: Sequence[Image.Image], milliseconds: int, quality: int | None) -> bytes:
    first, *others = frames
    file = io.BytesIO()
    first.save(
        file,
        format="WEBP",
        save_all=True,
        append_images=others,
        duration=milliseconds,
        loop=0,
        lossless=quality is None,
        quality=80 if quality is None else quality,
        method=4,
        # Every frame whole: else the encoder leaves pixels of the frame before where it thinks that nobody sees it.
        kmin=0,
        kmax=1,
    )
    return file.getvalue()
