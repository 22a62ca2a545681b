"""Opened pictures to 8-bit RGB: 16 bits per channel, transparency, palettes, CMYK, with exact rounding."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator

import numpy as np
from PIL import Image
from PIL.ImageFile import ImageFile

from srkit.data.headers import Unusable, bits_per_sample, rawmodes

# Pillow keeps 8 bits of a 16-bit colour channel: the higher byte. Decoding a second time in the opposite byte order
# gives the lower one, so that rounding is right and not a truncation.
_NATIVE, _FOREIGN = ("L", "B") if sys.byteorder == "little" else ("B", "L")
_LOWER_BYTE = {"L": "B", "B": "L", "N": _FOREIGN}
_WIDE = ("RGB", "RGBX", "RGBA", "CMYK")

BAND = 1 << 16  # pixels that are computed at once, so that the wide integers of a large image stay small


def to_rgb(picture: ImageFile, reopen: Callable[[], ImageFile], background: tuple[int, int, int]) -> np.ndarray:
    """uint8 (H, W, 3), not yet turned upright.

    Args:
        picture: as opened, not yet loaded.
        reopen: opens the same file again; 16-bit colour is decoded twice.
        background: what shows through transparent pixels, 0..255 each.

    Raises:
        Unusable: a kind that has no defined meaning in 8 bits.
    """
    values = unblended(picture, reopen)
    if values.shape[-1] == 4:
        return blend(values, background)
    return scale_16_bit(values) if values.dtype == np.uint16 else values


def unblended(picture: ImageFile, reopen: Callable[[], ImageFile]) -> np.ndarray:
    """(H, W, 3), or (H, W, 4) where there is transparency; uint8, or uint16 for what has more than 8 bits.

    Arguments and errors as for `to_rgb`; 16-bit CMYK becomes 8-bit RGB.
    """
    mode = picture.mode
    if mode == "F":
        raise Unusable("holds floating point values, which have no defined meaning in 8 bits; convert it first")
    if mode == "LAB":
        raise Unusable("is in LAB colours, which are not converted; save it as RGB first")
    if mode == "I" or mode.startswith("I;16"):
        return _wide_grey(picture)
    if bits_per_sample(picture) > 8:
        return _wide_colour(picture, reopen)
    _load(picture)
    wanted = "RGBA" if picture.has_transparency_data else "RGB"
    # Pillow would copy the picture where nothing has to be converted.
    return np.array(picture if mode == wanted else picture.convert(wanted))


def extend_visible(rgba: np.ndarray) -> np.ndarray:
    """The colours of an image with those of the nearest visible pixel in the place of what no one sees.

    A network, or any filter, looks at neighbours: what a file happens to hold where alpha is 0 would bleed into what
    is seen.

    Args:
        rgba: (H, W, 4), uint8 or uint16.

    Returns:
        (H, W, 3) of the same type; as they are where nothing or all is invisible.
    """
    hidden = rgba[..., 3] == 0
    colours = np.ascontiguousarray(rgba[..., :3])
    if hidden.any() and not hidden.all():
        from scipy.ndimage import distance_transform_edt

        rows, columns = distance_transform_edt(hidden, return_distances=False, return_indices=True)
        colours[hidden] = colours[rows[hidden], columns[hidden]]
    return colours


def scale_16_bit(values: np.ndarray) -> np.ndarray:
    """uint16 0..65535 -> uint8, `round(v * 255 / 65535)`. There are no ties, because 65535 / 255 = 257 is odd."""
    out = np.empty(values.shape, np.uint8)
    for band in _bands(values.shape):
        out[band] = (values[band].astype(np.uint32) + 128) // 257
    return out


def blend(rgba: np.ndarray, background: tuple[int, int, int]) -> np.ndarray:
    """Lay a picture over a background, rounded once.

    Args:
        rgba: (H, W, 4), uint8 or uint16, alpha not premultiplied.
        background: 0..255 each.

    Returns:
        uint8 (H, W, 3): `round(255 * (c * a + b * (full - a)) / full^2)` with `full` 255 or 65535.
    """
    full = np.uint64(np.iinfo(rgba.dtype).max)
    behind = np.array(background, dtype=np.uint64) * (full // np.uint64(255))
    whole = full * full
    out = np.empty((*rgba.shape[:2], 3), np.uint8)
    for band in _bands(rgba.shape):
        wide = rgba[band].astype(np.uint64)
        colour, alpha = wide[..., :3], wide[..., 3:]
        mixed = (colour * alpha + behind * (full - alpha)) * np.uint64(255)
        out[band] = (mixed + whole // np.uint64(2)) // whole
    return out


def _bands(shape: tuple[int, ...]) -> Iterator[slice]:
    rows = max(1, BAND // shape[1])
    return (slice(top, top + rows) for top in range(0, shape[0], rows))


def _load(picture: ImageFile) -> None:
    # Pillow's TIFF plugin asks the process-wide limit on pixels where it allocates, and ours has been asked here.
    tile_size = getattr(picture, "_tile_size", None)
    if tile_size is not None and picture.mode != "P":
        picture.im = Image.core.new(picture.mode, tile_size)
    picture.load()


def _wide_grey(picture: ImageFile) -> np.ndarray:
    raw = rawmodes(picture)
    key = picture.info.get("transparency")
    _load(picture)
    values = np.asarray(picture)
    if values.dtype != np.uint16:
        values = values.astype(np.int64)
        if values.min() < 0 or values.max() > 65535:
            raise Unusable("holds whole numbers outside 0..65535, which have no defined meaning in 8 bits")
        values = values.astype(np.uint16)
    if "I;12" in raw:
        # Twelve bits widened to sixteen by repeating the upper ones, as the standard formats do.
        values = (values << 4) | (values >> 8)
    if isinstance(key, int):
        alpha = np.where(values == key, 0, 65535).astype(np.uint16)
        return np.stack([values, values, values, alpha], axis=-1)
    return np.repeat(values[..., None], 3, axis=-1)


def _wide_colour(picture: ImageFile, reopen: Callable[[], ImageFile]) -> np.ndarray:
    key = picture.info.get("transparency")
    raw = rawmodes(picture)
    if raw == {"LA;16B"}:
        # Pillow spreads these four bytes a pixel (grey, alpha) over RGBA; taken as they stand they lose nothing.
        quads = _as_laid_out(picture, "RGBA", "RGBA").view(">u2").astype(np.uint16)
        return quads[..., [0, 0, 0, 1]]
    layout, _, order = str(next(iter(raw), "")).partition(";16")
    if len(raw) != 1 or layout not in _WIDE or order not in _LOWER_BYTE:
        raise Unusable(
            f"has {bits_per_sample(picture)} bits a channel in a layout ({picture.mode}) that is not read; save as PNG"
        )
    mode = picture.mode
    upper = _as_laid_out(picture, mode, f"{layout};16{order}").astype(np.uint16)
    values = (upper << 8) | _as_laid_out(reopen(), mode, f"{layout};16{_LOWER_BYTE[order]}")
    if mode == "CMYK":
        return np.array(Image.fromarray(scale_16_bit(values), mode="CMYK").convert("RGB"))
    if isinstance(key, tuple):
        alpha = np.where((values == np.array(key, np.uint16)).all(-1, keepdims=True), 0, 65535).astype(np.uint16)
        values = np.concatenate([values, alpha], axis=-1)
    return values


def _as_laid_out(picture: ImageFile, mode: str, rawmode: str) -> np.ndarray:
    """Decode with another layout than the one Pillow chose; uint8 (H, W, channels)."""
    picture.tile = [
        tile._replace(args=(rawmode, *tile.args[1:]) if isinstance(tile.args, tuple) else rawmode)
        for tile in picture.tile
    ]
    picture._mode = mode
    # A colour key belongs to the 16-bit values; Pillow would compare it with half of them.
    picture.info.pop("transparency", None)
    _load(picture)
    return np.asarray(picture)
