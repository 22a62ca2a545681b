"""Picture files made larger: transparency, 16 bits, colour profile and EXIF go with them; PNG, JPEG and WebP."""

from __future__ import annotations

import struct
import zlib
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image

from srkit.data.decoding import Original, decode_original
from srkit.data.pixels import blend, extend_visible, scale_16_bit
from srkit.data.placing import placed
from srkit.errors import UserError
from srkit.inference.beside_pixels import exif_of_larger

__all__ = ["FORMATS", "Large", "enlarge", "largest_side", "write"]

FORMATS = {"png": ".png", "jpeg": ".jpg", "webp": ".webp"}
"""What can be written -> the file's ending."""

_LARGEST_SIDE = {"png": 2**31 - 1, "jpeg": 65_500, "webp": 16_383}
_QUALITY = 95
_GREY_MODES = ("1", "L", "LA", "I", "I;16", "I;16B", "I;16L")
_WHITE = (255, 255, 255)


@dataclass(frozen=True)
class Large:
    """A picture to be written.

    Attributes:
        pixels: uint8 or uint16; grey (H, W), RGB (H, W, 3) or RGBA (H, W, 4).
        icc_profile, exif: blocks to go with it; empty for none.
        resolution: dots per inch, across and down, to go with it: a print grows with its pixels.
        remarks: what a user has to know of it, a sentence each.
    """

    pixels: np.ndarray
    icc_profile: bytes
    exif: bytes
    remarks: tuple[str, ...] = ()
    resolution: tuple[float, float] | None = None


def largest_side(kind: str) -> int:
    """Pixels a side may have in a format."""
    return _LARGEST_SIDE[kind]


def enlarge(path: Path, upscale: Callable[[np.ndarray], np.ndarray], *, named: bool = False) -> Large:
    """Read a picture and make it larger, its transparency by the same network.

    Args:
        path: the file.
        upscale: uint8 or uint16 (h, w, 3) -> the same, larger.
        named: as for `decode`.

    Raises:
        BadImage: it cannot be read; and what `upscale` raises.
    """
    original = decode_original(path, named=named)
    has_alpha = original.pixels.shape[-1] == 4
    large = upscale(extend_visible(original.pixels) if has_alpha else np.ascontiguousarray(original.pixels))
    remarks = []
    if original.frames > 1:
        remarks.append(f"of its {original.frames} pictures the first one is taken")
    profile, is_grey = original.icc_profile, original.mode in _GREY_MODES
    if profile and profile[16:20] not in ((b"GRAY", b"RGB ") if is_grey else (b"RGB ",)):
        remarks.append(f"its colour profile is for {original.mode} and not kept; colours were converted without it")
        profile = b""
    if is_grey and not has_alpha and profile[16:20] != b"RGB ":
        large = large.astype(np.float32).mean(-1).round().astype(large.dtype)
    elif profile[16:20] == b"GRAY":
        remarks.append("its grey colour profile is not kept, since a picture with transparency is written in colour")
        profile = b""
    if has_alpha:
        large = np.concatenate([large, _alpha(original, large.shape, upscale)], axis=-1)
    size, scale = (large.shape[1], large.shape[0]), large.shape[1] / original.pixels.shape[1]
    exif = exif_of_larger(original.exif, size, scale) if original.exif else b""
    return Large(large, profile, exif, tuple(remarks), original.resolution)


def _alpha(original: Original, shape: tuple[int, ...], upscale: Callable[[np.ndarray], np.ndarray]) -> np.ndarray:
    alpha = original.pixels[..., 3]
    if alpha.min() == alpha.max():
        return np.full((*shape[:2], 1), alpha.flat[0], alpha.dtype)
    large = upscale(np.repeat(alpha[..., None], 3, axis=-1))
    return large.astype(np.float32).mean(-1, keepdims=True).round().astype(alpha.dtype)


def write(path: Path, large: Large, kind: str) -> tuple[str, ...]:
    """Write a picture; it appears whole or not at all. Gives the remarks, with what the format cannot hold.

    Raises:
        UserError: the picture is too large for the format, the folder is read-only, or the disk is full.
    """
    pixels, remarks = large.pixels, large.remarks
    if max(pixels.shape[:2]) > _LARGEST_SIDE[kind]:
        size = f"{pixels.shape[1]}x{pixels.shape[0]}"
        raise UserError(f"{path}: {size} pixels are more than {kind} can hold; take --format png")
    if kind != "png" and pixels.dtype == np.uint16:
        remarks = (*remarks, f"{kind} has 8 bits, the picture has 16; --format png keeps them")
        pixels = pixels if kind == "jpeg" and pixels.shape[-1:] == (4,) else scale_16_bit(pixels)
    if kind == "jpeg" and pixels.ndim == 3 and pixels.shape[2] == 4:
        remarks = (*remarks, "jpeg has no transparency: it was laid over white")
        pixels = blend(pixels, _WHITE)
    if kind == "webp" and large.icc_profile[16:20] == b"GRAY":
        remarks = (*remarks, "its grey colour profile is not kept, since webp has no grey; --format png keeps it")
        large = replace(large, icc_profile=b"")
    with placed(path) as aside:
        if pixels.dtype == np.uint16:
            aside.write_bytes(_wide_png(pixels, large))
        else:
            _save(aside, pixels, large, kind)
    return remarks


def _save(path: Path, pixels: np.ndarray, large: Large, kind: str) -> None:
    exif = large.exif
    if kind == "webp" and large.resolution is not None:  # it has no other place for it
        exif = exif_of_larger(exif, (pixels.shape[1], pixels.shape[0]), 1.0, large.resolution)
    blocks: dict[str, Any] = {"icc_profile": large.icc_profile, "exif": exif}
    if kind != "webp":
        blocks["dpi"] = large.resolution
    given = {name: block for name, block in blocks.items() if block}
    picture = Image.fromarray(np.ascontiguousarray(pixels))
    if kind == "png":
        # Level 1: the default one takes four times as long for a twentieth.
        picture.save(path, format="PNG", compress_level=1, **given)
    elif kind == "jpeg":
        picture.save(path, format="JPEG", quality=_QUALITY, subsampling=0, **given)
    else:
        picture.save(path, format="WEBP", quality=_QUALITY, **given)


def _wide_png(pixels: np.ndarray, large: Large) -> bytes:
    """A PNG of 16 bits, which Pillow does not write in colour (ISO/IEC 15948)."""
    height, width = pixels.shape[:2]
    channels = 1 if pixels.ndim == 2 else pixels.shape[2]
    colour = {1: 0, 3: 2, 4: 6}[channels]
    chunks = [(b"IHDR", struct.pack(">IIBBBBB", width, height, 16, colour, 0, 0, 0))]
    if large.icc_profile:
        chunks.append((b"iCCP", b"ICC Profile\0\0" + zlib.compress(large.icc_profile)))
    if large.resolution is not None:
        per_metre = [min(2**31 - 1, round(one / 0.0254)) for one in large.resolution]
        chunks.append((b"pHYs", struct.pack(">IIB", *per_metre, 1)))
    if large.exif:
        chunks.append((b"eXIf", large.exif.removeprefix(b"Exif\0\0")))
    rows = pixels.astype(">u2").view(np.uint8).reshape(height, -1)
    # filter 2: each byte less the one above it
    less = np.concatenate([rows[:1], rows[1:] - rows[:-1]])
    lines = np.concatenate([np.full((height, 1), 2, np.uint8), less], axis=1)
    chunks += [(b"IDAT", zlib.compress(lines.tobytes(), 1)), (b"IEND", b"")]
    return b"\x89PNG\r\n\x1a\n" + b"".join(
        struct.pack(">I", len(body)) + name + body + struct.pack(">I", zlib.crc32(name + body)) for name, body in chunks
    )
