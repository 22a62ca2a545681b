"""Pictures as parts of a page: WebP without loss where there is room, else as good and as large as the room allows."""

from __future__ import annotations

import base64
import io
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace

import numpy as np
from PIL import Image

from srkit.data.decoding import decode
from srkit.evaluation.report.contents import Kept, Shown
from srkit.evaluation.report.pictures import LARGEST, cut

__all__ = ["ROOM", "Encoded", "Form", "StripPicture", "encode", "encode_strips"]

ROOM = 10_400_000
"""Bytes for all pictures of a page; as text they take a third more, and the page stays under 15 MB."""


@dataclass(frozen=True)
class Form:
    """How pictures are kept.

    Attributes:
        quality: WebP's, out of 100; None for without loss.
        largest: the sides of the part that is shown of a larger photo.
    """

    quality: int | None
    largest: tuple[int, int] = LARGEST

    @property
    def in_words(self) -> str:
        width, height = self.largest
        kept = "Pictures are kept as WebP without loss."
        if self.quality is not None:
            kept = (
                f"Pictures are kept as WebP of quality {self.quality} out of 100, so that the page stays under 15 MB: "
                "differences of a level or two are the file format's and not the models'."
            )
        return (
            f"{kept} Of a photo of more than {width}\N{MULTIPLICATION SIGN}{height} pixels the part with the most "
            "detail is shown. No picture is shrunk."
        )


FORMS = (
    Form(None),
    Form(98),
    Form(95),
    Form(90),
    Form(90, (480, 360)),
    Form(85, (320, 240)),
    Form(75, (240, 180)),
)
"""From the best to the smallest. 5 models on 10 photos of 640 x 480 come to the third or fourth."""


@dataclass(frozen=True)
class Encoded:
    """All pictures of a page.

    Attributes:
        form: how they are kept.
        photos: as they are shown, cut again where the form asks for it.
        urls: a data URL for each picture of each photo.
    """

    form: Form
    photos: Sequence[Shown]
    urls: Sequence[Sequence[str]]

    @property
    def size(self) -> int:
        """Bytes of all of them, before they became text."""
        return sum(len(url) for urls in self.urls for url in urls) * 3 // 4


@dataclass(frozen=True)
class StripPicture:
    """A strip as a part of the page.

    Attributes:
        strip: which.
        size: (width, height).
        url: its data.
    """

    strip: Kept
    size: tuple[int, int]
    url: str


STRIP_QUALITY = 85


def encode_strips(strips: Sequence[Kept], room: int) -> list[StripPicture]:
    """The first so many strips as fit.

    Args:
        strips: in order.
        room: bytes for all of them, before they become text.

    Raises:
        BadImage: one cannot be read.
    """
    found: list[StripPicture] = []
    for strip in strips:
        pixels = decode(strip.file)
        file = _webp(pixels, STRIP_QUALITY)
        room -= len(file)
        if room < 0:
            break
        found.append(StripPicture(strip, (pixels.shape[1], pixels.shape[0]), _url(file)))
    return found


def encode(photos: Sequence[Shown], room: int = ROOM) -> Encoded:
    """Choose the best form in which all pictures fit, and write them in it.

    Args:
        photos: of all sets together.
        room: bytes for all of them, before they become text. The last form is taken whether it fits or not.
    """
    for form in FORMS:
        smaller = [_cut_again(one, form.largest) for one in photos]
        written = _written(smaller, form, room if form is not FORMS[-1] else None)
        if written is not None:
            return Encoded(form, smaller, [[_url(one) for one in files] for files in written])
    raise AssertionError("the last form has no limit")


def _written(photos: Sequence[Shown], form: Form, room: int | None) -> list[list[bytes]] | None:
    """The files of each photo; None as soon as they are sure to need too much room."""
    pictures = sum(len(one.pictures) for one in photos)
    used, count = 0, 0
    found: list[list[bytes]] = []
    for files in _files(photos, form):
        found.append(files)
        used, count = used + sum(map(len, files)), count + len(files)
        # after the first few, what is to come is foreseen: a form that is far off is left early
        if room is not None and used * (1.0 if count == pictures else max(1.0, 0.7 * pictures / count)) > room:
            return None
    return found


def _files(photos: Sequence[Shown], form: Form) -> Iterator[list[bytes]]:
    with ThreadPoolExecutor() as pool:
        for one in photos:
            yield list(pool.map(lambda picture: _webp(picture.pixels, form.quality), one.pictures))


def _webp(pixels: np.ndarray, quality: int | None) -> bytes:
    file = io.BytesIO()
    if quality is None:
        # a tenth larger than the smallest there is, in a tenth of the time
        Image.fromarray(pixels).save(file, "WEBP", lossless=True, quality=20, method=0)
    else:
        Image.fromarray(pixels).save(file, "WEBP", quality=quality, method=4)
    return file.getvalue()


def _url(file: bytes) -> str:
    return f"data:image/webp;base64,{base64.b64encode(file).decode('ascii')}"


def _cut_again(photo: Shown, largest: tuple[int, int]) -> Shown:
    """The part of what is shown that still is, chosen in the first picture."""
    x, y, across, down = cut(photo.pictures[0].pixels, largest)
    left, top = photo.part[:2]
    pictures = [replace(one, pixels=one.pixels[y : y + down, x : x + across].copy()) for one in photo.pictures]
    return replace(photo, part=(left + x, top + y, across, down), pictures=pictures)
