"""What a file holds beside its pixels, made fit for a larger image: EXIF with its new size, the resolution."""

from __future__ import annotations

from typing import Any

from PIL import Image

__all__ = ["exif_of_larger"]

_EXIF, _INTEROP = 0x8769, 0xA005
_SIDES = ((0x0100, 0x0101), (0xA002, 0xA003), (0x1001, 0x1002))
"""ImageWidth and ImageLength; PixelXDimension and PixelYDimension; RelatedImageWidth and RelatedImageLength."""
_PLACES = (0x9214, 0xA214)
"""SubjectArea and SubjectLocation: places in pixels, of the image before it was turned and enlarged."""
_PER_LENGTH = (0xA20E, 0xA20F)
"""FocalPlaneXResolution and FocalPlaneYResolution: pixels for each unit on the sensor."""
_RESOLUTION, _UNIT, _INCH = (0x011A, 0x011B), 0x0128, 2


def exif_of_larger(
    block: bytes, size: tuple[int, int], scale: float, resolution: tuple[float, float] | None = None
) -> bytes:
    """An EXIF block as it fits the larger image; tags that it has not are not made up. A thumbnail is left out.

    Args:
        block: that of the image before; empty for none.
        size: width and height in pixels now.
        scale: how many times as wide it is.
        resolution: dots per inch, for formats that have no other place for it.

    Returns:
        The block; empty for none, and for one that is damaged.
    """
    try:
        return _fitted(block, size, scale, resolution)
    except Exception:  # a damaged block must not cost a good image, and Pillow raises nearly anything on one
        return b""


def _fitted(block: bytes, size: tuple[int, int], scale: float, resolution: tuple[float, float] | None) -> bytes:
    exif = Image.Exif()
    if block:
        exif.load(block)
    tables: list[Any] = [exif]
    for number in (_EXIF, _INTEROP):
        if number in exif or number in exif.get_ifd(_EXIF):
            tables.append(exif.get_ifd(number))
    for table in tables:
        for wide, high in _SIDES:
            for tag, side in ((wide, size[0]), (high, size[1])):
                if tag in table:
                    table[tag] = side
        for tag in _PLACES:
            table.pop(tag, None)
        for tag in _PER_LENGTH:
            if tag in table:
                table[tag] = float(table[tag]) * scale
    if resolution is not None and _RESOLUTION[0] not in exif:
        exif[_RESOLUTION[0]], exif[_RESOLUTION[1]], exif[_UNIT] = *resolution, _INCH
    return exif.tobytes() if len(exif) else b""
