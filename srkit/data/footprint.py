"""How much memory it takes to decode an image, from what its header says: every copy that is alive at the peak."""

from __future__ import annotations

import math

from PIL.ImageFile import ImageFile

from srkit.data.headers import bits_per_sample, has_many_scans, rawmodes
from srkit.data.pixels import BAND

__all__ = ["footprint"]

# Bytes per pixel of Pillow's own storage; what has several channels is kept in four bytes.
_CORE = {"1": 1, "L": 1, "P": 1, "I;16": 2, "I;16B": 2, "I;16L": 2, "I;16N": 2}
_SEVERAL = 4

_FIXED = 2 << 20  # tables, windows of decompression, Python's own objects
_BLENDED = 150  # bytes per pixel of the band whose transparency or 16 bits are computed at a time
_FLOATS = 24  # bytes per pixel of a float32 image and of the one it is divided into

_TILE_WIDTH, _TILE_LENGTH, _ROWS_PER_STRIP, _SAMPLES = 322, 323, 278, 277


def footprint(picture: ImageFile, file_bytes: int, *, floats: bool = False) -> int:
    """Bytes at the peak of `decode`, its result included; measured within a factor of 1.5 above the truth.

    Args:
        picture: as opened, not yet loaded.
        file_bytes: the file's size.
        floats: the result is wanted as float32.
    """
    pixels = picture.width * picture.height
    each = max(_as_array(picture) + (_FLOATS if floats else 0), _while_decoding(picture))
    return _FIXED + min(pixels, BAND) * _BLENDED + pixels * each + _buffers(picture, file_bytes)


def _as_array(picture: ImageFile) -> int:
    """Bytes per pixel once the decoder has done its work: Pillow's storage, its conversion, and two copies to NumPy."""
    mode = picture.mode
    if mode == "I" or mode.startswith("I;16"):
        return (18 if mode == "I" else 13) + (3 if "transparency" in picture.info else 0)
    if rawmodes(picture) == {"LA;16B"}:
        return 18
    if bits_per_sample(picture) > 8:  # decoded twice, a byte of each sample at a time
        return 8 + 6 * len(picture.getbands()) + 4
    channels = 4 if picture.has_transparency_data else 3
    is_wanted = mode == ("RGBA" if channels == 4 else "RGB")
    return _core(picture) + (0 if is_wanted else _SEVERAL) + 2 * channels


def _while_decoding(picture: ImageFile) -> int:
    """Bytes per pixel while the decoder works, where that keeps the whole image in a form of its own."""
    samples, core = len(picture.getbands()), _core(picture)
    match picture.format:
        case "WEBP":  # two canvases in RGBA beside what becomes the array
            return _as_array(picture) + 8
        case "AVIF":  # planes of up to 16 bits and the decoder's frame
            return _as_array(picture) + (9 if samples == 4 else 7)
        case "JPEG2000":  # whole numbers of 32 bits, and the tile they are packed into
            return core + 6 * samples
        case "JPEG" | "MPO" if has_many_scans(picture):  # all coefficients until the last scan was read
            return _as_array(picture) + 2 * samples + 1
    return core


def _buffers(picture: ImageFile, file_bytes: int) -> int:
    """Bytes of the file that the decoder holds, and of a TIFF's strip or tile, which malloc may keep once freed."""
    if picture.format in ("WEBP", "AVIF"):
        return 2 * file_bytes
    if picture.format == "TIFF" and any(tile.codec_name != "raw" for tile in picture.tile):
        return _strip(picture) + file_bytes
    return file_bytes if picture.format in ("JPEG", "MPO", "JPEG2000") else 0


def _strip(picture: ImageFile) -> int:
    """Bytes of the strip or tile that a TIFF is unpacked by: its sides are what the file claims."""
    tags = getattr(picture, "tag_v2", {})
    rows = min(int(tags.get(_ROWS_PER_STRIP, picture.height)), picture.height)
    unit = int(tags.get(_TILE_WIDTH, picture.width)) * int(tags.get(_TILE_LENGTH, rows))
    sample = math.ceil(bits_per_sample(picture) / 8)
    return unit * max(int(tags.get(_SAMPLES, 1)) * sample, _SEVERAL)


def _core(picture: ImageFile) -> int:
    return _CORE.get(picture.mode, _SEVERAL)
