"""Damaged files are named or decode to a right shape; nothing else ever comes out."""

import io
import random
import warnings

import numpy as np
import pytest
from PIL import Image, features

from srkit.data.decoding import decode, image_size
from srkit.errors import BadImage

KINDS = ["PNG", "JPEG", "TIFF", "BMP", "GIF", "PPM", "JPEG2000"]
KINDS += [kind for kind in ("WEBP", "AVIF") if features.check(kind.lower())]
EACH = 30


def damaged(content: bytes, dice: random.Random) -> bytes:
    data = bytearray(content)
    for _ in range(dice.choice([1, 1, 3, 20])):
        # Half of the damage goes where headers are: there it does most.
        place = dice.randrange(min(len(data), 128) if dice.random() < 0.5 else len(data))
        data[place] = dice.randrange(256)
    if dice.random() < 0.3:
        del data[dice.randrange(1, len(data)) :]
    if dice.random() < 0.1:
        start = dice.randrange(len(data))
        data[start:start] = dice.randbytes(dice.randrange(1, 50))
    return bytes(data)


@pytest.mark.parametrize("kind", KINDS)
def test_damaged_files_are_named_or_decode(tmp_path, kind):
    dice = random.Random(kind)
    pixels = np.random.default_rng(3).integers(0, 256, (24, 31, 3), dtype=np.uint8)
    buffer = io.BytesIO()
    exif = Image.Exif()
    exif[0x0112] = 6
    how = {"exif": exif} if kind in ("PNG", "JPEG", "TIFF", "WEBP", "AVIF") else {}
    Image.fromarray(pixels).save(buffer, kind, **how)
    path = tmp_path / "damaged.png"
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # Pillow warns of odd tags, rightly
        for _ in range(EACH):
            path.write_bytes(damaged(buffer.getvalue(), dice))
            try:
                width, height = image_size(path)
                image = decode(path)
            except BadImage as bad:
                assert str(bad).startswith(f"{path}: ")
            else:
                assert image.dtype == np.uint8 and image.shape == (height, width, 3)
