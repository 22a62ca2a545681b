"""The one place where picture files become arrays: every kind to 8-bit RGB, and every failure named with its path."""

from __future__ import annotations

import os
import re
import stat
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from itertools import chain, count
from pathlib import Path
from typing import IO, Any, Literal

import numpy as np
from PIL import Image, TiffImagePlugin
from PIL.ImageFile import ImageFile

from srkit.data import headers
from srkit.data.digests import note_digest
from srkit.data.footprint import footprint
from srkit.data.headers import (
    IMAGE_SUFFIXES,
    Oversized,
    Unusable,
    opened,
    orientation,
    require_memory,
    require_pixels,
    upright,
    upright_size,
)
from srkit.data.pixels import to_rgb, unblended
from srkit.data.placing import placed
from srkit.data.room import budget, room
from srkit.errors import BadImage, SrkitError, TooLarge, text_of

__all__ = [
    "IMAGE_SUFFIXES",
    "FileStems",
    "Original",
    "camera_model",
    "decode",
    "decode_original",
    "file_name",
    "file_stem",
    "image_size",
    "memory_to_decode",
    "room_to_decode",
    "save_png",
]


def decode(
    path: Path | str,
    *,
    background: tuple[int, int, int] = (255, 255, 255),
    layout: Literal["HWC", "CHW"] = "HWC",
    dtype: Literal["uint8", "float32"] = "uint8",
    named: bool = False,
) -> np.ndarray:
    """The picture in a file as RGB, turned upright by its EXIF orientation; the first frame of an animation.

    16-bit values `v` become `round(v * 255 / 65535)`; transparent pixels are laid over the background and rounded
    once, both exactly. Colour profiles are not applied.

    Args:
        path: the file; its content decides what it is, not its suffix.
        background: what shows through transparent pixels, 0..255 each.
        layout: "HWC" gives (H, W, 3), "CHW" (3, H, W).
        dtype: "uint8" gives 0..255, "float32" the same values divided by 255.
        named: the user named this very file, so that `SRKIT_MAX_PIXELS` does not hold; `SRKIT_DECODE_MEMORY` does.

    Returns:
        A contiguous array that belongs to the caller.

    Raises:
        BadImage: missing, unreadable, truncated, no picture, or a kind without a defined meaning in 8 bits (floating
            point, LAB); `TooLarge` where the limits are smaller. Never anything else, whatever the file holds.
        UserError: a variable that sets a limit holds no such thing.
    """
    floats = dtype == "float32"
    with _naming(path), _regular_file(path) as file, _opened(file, named, floats=floats) as picture:
        turn = orientation(picture, file)
        # Pillow turns a TIFF itself while it loads.
        by_pillow = isinstance(picture, TiffImagePlugin.TiffImageFile)
        rgb = to_rgb(picture, lambda: opened(file), background)
        note_digest(path, file)
        image = np.ascontiguousarray(rgb if by_pillow else upright(rgb, turn))
        if layout == "CHW":
            image = np.ascontiguousarray(image.transpose(2, 0, 1))
        return image if dtype == "uint8" else image.astype(np.float32) / np.float32(255)


@dataclass(frozen=True)
class Original:
    """A picture with all that its file holds of it, upright.

    Attributes:
        pixels: (H, W, 3) or, with transparency, (H, W, 4); uint8, or uint16 where the file has more bits.
        mode: how Pillow calls the file's kind of pixels, such as `L` or `CMYK`.
        icc_profile: its colour profile; empty for none.
        exif: its EXIF block without the orientation, which is applied; empty for none.
        frames: how many pictures the file holds; the pixels are the first one's.
        resolution: dots per inch, across and down; None where it says none.
    """

    pixels: np.ndarray
    mode: str
    icc_profile: bytes
    exif: bytes
    frames: int
    resolution: tuple[float, float] | None = None


def decode_original(path: Path | str, *, named: bool = False) -> Original:
    """The picture in a file with its transparency, bits, colour profile and EXIF.

    Arguments and errors as for `decode`.
    """
    with _naming(path), _regular_file(path) as file, _opened(file, named) as picture:
        turn, mode = orientation(picture, file), picture.mode
        is_tiff = isinstance(picture, TiffImagePlugin.TiffImageFile)
        profile = picture.info.get("icc_profile") or b""
        exif = headers.exif_without_orientation(picture)
        frames = 1 if picture.format == "MPO" else getattr(picture, "n_frames", 1)
        pixels = unblended(picture, lambda: opened(file))
        upright_pixels = np.ascontiguousarray(pixels if is_tiff else upright(pixels, turn))
        across_and_down = headers.resolution(picture)
        if across_and_down is not None and turn in headers.SIDEWAYS:
            across_and_down = across_and_down[::-1]
        return Original(upright_pixels, mode, profile, exif, frames, across_and_down)


def image_size(path: Path | str, *, named: bool = False) -> tuple[int, int]:
    """(width, height) as `decode` would give them, from the file's header alone.

    Arguments and errors as for `decode`, as far as the header tells.
    """
    with _naming(path), _regular_file(path) as file:
        picture = opened(file)
        _need(picture, file, named)
        return upright_size(picture, file)


@contextmanager
def room_to_decode(*paths: Path | str) -> Iterator[None]:
    """Memory to decode these files, waited for once; what is decoded inside, in this thread, waits no more.

    For who keeps an image for a while beside other threads. What cannot be opened is left to whoever decodes it.
    """
    with room(min(sum(map(memory_to_decode, paths)), budget())):
        yield


def memory_to_decode(path: Path | str) -> int:
    """Bytes that `decode` takes at its peak, from the file's header; 0 where it would refuse the file."""
    with suppress(BadImage), _naming(path), _regular_file(path) as file:
        return _need(opened(file), file, True)
    return 0


@contextmanager
def _opened(file: IO[Any], named: bool, *, floats: bool = False) -> Iterator[ImageFile]:
    """An image that may be loaded: small enough, and with the memory for it kept while inside."""
    picture = opened(file)
    with room(_need(picture, file, named, floats=floats)):
        yield picture


def _need(picture: ImageFile, file: IO[Any], named: bool, *, floats: bool = False) -> int:
    """Bytes to decode it, after its size was compared with the limits."""
    if not named:
        require_pixels(*picture.size)
    need = footprint(picture, os.fstat(file.fileno()).st_size, floats=floats)
    require_memory(need, f"{picture.width}x{picture.height} pixels ({picture.format}, {picture.mode})")
    return need


def camera_model(path: Path | str) -> str:
    """The camera's model as EXIF has it (tag 0x0110); empty where there is none. Decodes nothing.

    Raises:
        BadImage: as `decode`, as far as the header tells.
    """
    with _naming(path), _regular_file(path) as file:
        return headers.camera_model(opened(file), file)


def save_png(path: Path | str, array: np.ndarray) -> None:
    """Write a uint8 picture, grey (H, W), RGB (H, W, 3) or RGBA (H, W, 4), as PNG; it appears whole or not at all.

    Raises:
        UserError: the folder is missing or read-only, or the disk is full.
        ValueError: the array is no such picture.
    """
    if array.dtype != np.uint8 or not (array.ndim == 2 or (array.ndim == 3 and array.shape[2] in (3, 4))):
        raise ValueError(f"save_png takes uint8 (H, W), (H, W, 3) or (H, W, 4), not {array.dtype} {array.shape}")
    with placed(Path(path)) as aside:
        # Level 1: pictures of a run are looked at once or twice, and the default level takes four times as long.
        Image.fromarray(np.ascontiguousarray(array)).save(aside, format="PNG", compress_level=1)


@contextmanager
def _naming(path: Path | str) -> Iterator[None]:
    """Turn whatever goes wrong with a file into `BadImage` with its path."""
    try:
        yield
    except SrkitError:
        raise
    except Oversized as why:
        raise TooLarge(path, str(why)) from None
    except Unusable as why:
        raise BadImage(path, str(why)) from None
    except FileNotFoundError:
        raise BadImage(path, "no such file") from None
    except PermissionError:
        raise BadImage(path, "no permission to read it") from None
    except MemoryError:
        raise BadImage(path, "not enough memory to decode it") from None
    except Image.DecompressionBombError:
        raise BadImage(path, "claims more pixels than Pillow opens in this format; save it as PNG or TIFF") from None
    # Pillow's decoders raise nearly anything on damaged files: OSError, ValueError, struct.error, KeyError, zlib.error.
    except Exception as error:
        reason = text_of(error) or type(error).__name__
        if "MAX_TEXT" in reason:
            bomb = "its texts or colour profile unpack to more than is read; save it again without them"
            raise BadImage(path, bomb) from None
        raise BadImage(path, f"cannot be decoded: truncated or damaged ({reason})") from error


@contextmanager
def _regular_file(path: Path | str) -> Iterator[IO[Any]]:
    # Asked before opening: to open a named pipe would wait for a writer forever.
    try:
        status = Path(path).stat()
    except ValueError as error:
        raise Unusable(f"not a file name ({error})") from None
    if stat.S_ISDIR(status.st_mode):
        raise Unusable("is a folder, not a picture")
    if not stat.S_ISREG(status.st_mode):
        raise Unusable("is not a regular file")
    if status.st_size == 0:
        raise Unusable("is empty (zero bytes)")
    with Path(path).open("rb") as file:
        yield file


class FileStems:
    """File names for the photos of a set, each another: where two would have one, the later is numbered.

    >>> stem = FileStems()
    >>> stem("b/1.png"), stem("b/1.jpg"), stem("b/2.png")
    ('b__1', 'b__1-2', 'b__2')
    """

    def __init__(self) -> None:
        self._taken: set[str] = set()

    def __call__(self, name: str) -> str:
        stem = file_stem(name)
        numbered = (f"{stem}-{number}" for number in count(2))
        found = next(one for one in chain([stem], numbered) if one.casefold() not in self._taken)
        self._taken.add(found.casefold())  # on some systems A.png is a.png
        return found


def file_stem(name: str) -> str:
    """A photo's name as a file name: folders become part of it, the ending goes, and so does what leads elsewhere.

    >>> file_stem("b/1.png"), file_stem("C:1.png")
    ('b__1', 'C_1')
    """
    folder, slash, last = name.replace("\\", "/").rpartition("/")
    whole = (folder + slash).replace("/", "__") + (last.rpartition(".")[0] or last)
    plain = _LEADS_ELSEWHERE.sub("_", whole) or "_"
    return _cut(plain, _LONGEST_STEM)


def file_name(stem: str, ending: str) -> str:
    """The stem with an ending, cut at its end where both together would be longer than file systems take.

    >>> file_name("1", ".webp"), len(file_name("n" * 251, ".webp"))
    ('1.webp', 255)
    """
    return _cut(stem, _LONGEST - len(ending)) + ending


def _cut(text: str, most: int) -> str:
    """Its first so many bytes, without half a character."""
    content = text.encode("utf-8", "surrogateescape")
    return text if len(content) <= most else content[:most].decode("utf-8", "ignore")


_LEADS_ELSEWHERE = re.compile(r"[:\x00-\x1f\x7f-\x9f]")
"""A colon is a drive's on Windows, and no file system likes control characters; names may come from anywhere."""

_LONGEST = 255
"""Bytes of a name that file systems take."""

_LONGEST_STEM = 248
"""Bytes, so that a number and an ending still fit."""
