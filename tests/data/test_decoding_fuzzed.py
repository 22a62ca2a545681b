"""A thousand damaged files: each decodes to the shape its header says, or is named; nothing else ever happens."""

from __future__ import annotations

import io
import warnings
from pathlib import Path

import numpy as np
import pytest
from PIL import Image, features

from srkit.data.decoding import decode, image_size
from srkit.errors import BadImage

FORMATS = ("PNG", "JPEG", "WEBP", "GIF", "BMP", "TIFF", "AVIF")
WAYS = ("flipped", "cut", "of another type", "spliced")
EACH = 36
"""Files for each way and format: 4 x 7 x 36 = 1008."""


def picture(kind: str, number: int) -> bytes:
    """A small picture whose mode changes from number to number."""
    random = np.random.default_rng([number, FORMATS.index(kind)])
    image = Image.fromarray(random.integers(0, 256, (13, 21, 3), dtype=np.uint8))
    modes = {"JPEG": ("RGB", "L", "CMYK"), "PNG": ("RGB", "RGBA", "P", "L", "1"), "TIFF": ("RGB", "L", "CMYK", "P")}
    image = image.convert(modes.get(kind, ("RGB",))[number % len(modes.get(kind, ("RGB",)))])
    file = io.BytesIO()
    options = {"compression": ("raw", "tiff_lzw", "tiff_adobe_deflate")[number % 3]} if kind == "TIFF" else {}
    image.save(file, kind, **options)
    return file.getvalue()


def damaged(way: str, kind: str, number: int) -> bytes:
    random = np.random.default_rng([WAYS.index(way), FORMATS.index(kind), number])
    content = bytearray(picture(kind, number))
    if way == "flipped":
        # half of them in the header, where sizes and counts stand
        reach = len(content) if number % 2 else min(len(content), 64)
        for place in random.integers(0, reach, 1 + number % 6):
            content[place] ^= 1 << int(random.integers(8))
    elif way == "cut":
        del content[int(random.integers(1, len(content))) :]
    elif way == "of another type":
        content[:12] = picture(FORMATS[number % 6], 0)[:12]
    else:
        start, length = (int(value) for value in random.integers(0, len(content), 2))
        content[start : start + length // 4] = random.bytes(int(random.integers(0, 40)))
    return bytes(content)


@pytest.mark.parametrize("way", WAYS)
@pytest.mark.parametrize("kind", FORMATS)
def test_a_damaged_file_is_named_or_has_the_right_shape(way: str, kind: str, tmp_path: Path) -> None:
    if kind in ("WEBP", "AVIF") and not features.check(kind.lower()):
        pytest.skip(f"this Pillow has no {kind}")
    for number in range(EACH):
        path = tmp_path / f"{number}.{kind.lower()}"
        path.write_bytes(damaged(way, kind, number))
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # Pillow's remarks on what it repairs
            try:
                width, height = image_size(path)
                image = decode(path)
            except BadImage as bad:
                assert str(bad).startswith(f"{path}: ") and len(bad.why) > 3
            else:
                assert image.shape == (height, width, 3) and image.dtype == np.uint8


@pytest.mark.parametrize("kind", FORMATS)
def test_the_undamaged_ones_decode(kind: str, tmp_path: Path) -> None:
    if kind in ("WEBP", "AVIF") and not features.check(kind.lower()):
        pytest.skip(f"this Pillow has no {kind}")
    for number in range(6):
        path = tmp_path / f"{number}.bin"
        path.write_bytes(picture(kind, number))
        assert decode(path).shape == (13, 21, 3)
