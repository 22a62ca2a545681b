"""Opening picture files without decoding them: which format, how large, which way up."""

from __future__ import annotations

import math
import os
import struct
from typing import IO, Any

import numpy as np
from PIL import (
    AvifImagePlugin,
    BmpImagePlugin,
    GifImagePlugin,
    Image,
    Jpeg2KImagePlugin,
    JpegImagePlugin,
    PngImagePlugin,
    PpmImagePlugin,
    TiffImagePlugin,
    WebPImagePlugin,
)
from PIL.ImageFile import ImageFile

from srkit.data.limits import DECODE_MEMORY, MAX_PIXELS, in_words, max_pixels
from srkit.data.room import budget

# Raster formats with a magic number alone. Pillow's others start an interpreter (EPS), need a reader that is not there
# (WMF, HDF5), or take any bytes for theirs (TGA). MPO comes with JPEG.
_PLUGINS = {
    "JPEG": JpegImagePlugin,
    "PNG": PngImagePlugin,
    "WEBP": WebPImagePlugin,
    "AVIF": AvifImagePlugin,
    "TIFF": TiffImagePlugin,
    "BMP": BmpImagePlugin,
    "GIF": GifImagePlugin,
    "PPM": PpmImagePlugin,
    "JPEG2000": Jpeg2KImagePlugin,
}

FORMATS = tuple(_PLUGINS)

_READ_WHOLE = ("WEBP", "AVIF")
"""Formats whose files are read as a whole as soon as they are opened."""

_SUFFIXES = (
    ".jpg",
    ".jpeg",
    ".jpe",
    ".jfif",
    ".mpo",
    ".png",
    ".apng",
    ".webp",
    ".avif",
    ".tif",
    ".tiff",
    ".bmp",
    ".gif",
)
IMAGE_SUFFIXES = frozenset((*_SUFFIXES, ".ppm", ".pgm", ".pbm", ".pnm", ".jp2", ".j2k"))
"""What a file's name ends with (in lower case) when a dataset takes it for a picture."""

_ORIENTATION = 0x0112
_CAMERA_MODEL = 0x0110
_BITS_PER_SAMPLE = 258
_LARGEST_EXIF = 1 << 24  # a chunk may claim 4 GB, which Python would ask the system for before it reads
SIDEWAYS = (5, 6, 7, 8)


class Unusable(Exception):
    """Why a file is no usable picture; whoever knows the path turns it into `BadImage`."""


class Oversized(Unusable):
    """Why an image is too large for the limits as they are; whoever knows the path turns it into `TooLarge`."""


def opened(file: IO[bytes]) -> ImageFile:
    """The picture with its header read and nothing decoded.

    Pillow's own `Image.open` is left aside, because its limit on pixels is one number for the whole process: it warns
    from 89 megapixels and refuses from 179, and raising it here would raise it for everyone.

    Raises:
        Unusable: unknown format, or a header that is damaged or claims what cannot be.
    """
    file.seek(0)
    prefix = file.read(16)
    missing_codec = ""
    for name in FORMATS:
        factory, accept = Image.OPEN[name]
        accepted = accept(prefix) if accept else False
        if isinstance(accepted, str):
            missing_codec = f"is {name}, which this Pillow was built without"
        elif accepted:
            if name in _READ_WHOLE:
                require_memory(2 * os.fstat(file.fileno()).st_size, "its file")
            file.seek(0)
            try:
                # Without a file name Pillow does not map the file into memory, where a file cut meanwhile is a crash.
                picture = factory(file, "")
            except SyntaxError as error:
                raise Unusable(f"begins as {name}, but its header is damaged or of no known kind ({error})") from None
            return picture
    raise Unusable(missing_codec or f"is not a picture of a known format ({', '.join(FORMATS)})")


def require_memory(need: int, what: str) -> None:
    """Refuse what takes more memory than decoding may.

    Raises:
        Oversized: naming both and the variable.
    """
    if need > (limit := budget()):
        more = math.ceil(need / 1e9)
        raise Oversized(
            f"{what} takes about {in_words(need)} of memory to decode, and decoding may take {in_words(limit)}; "
            f"{DECODE_MEMORY}={more}GB allows it, where the machine has that much free"
        )


def require_pixels(width: int, height: int) -> None:
    """Refuse an image of a folder that has more pixels than one may have.

    Raises:
        Oversized: naming its size, the bound and the variable.
    """
    if width * height > (most := max_pixels()):
        raise Oversized(
            f"{width}x{height} are {width * height:,} pixels, and an image in a folder may have {most:,}; "
            f"{MAX_PIXELS}={width * height} allows it, or name the file by itself where a command takes files"
        )


def orientation(picture: ImageFile, file: IO[bytes]) -> int:
    """The EXIF orientation, 1..8; 1 (upright) where there is none or it cannot be read. Decodes nothing."""
    found = _exif_value(picture, file, _ORIENTATION)
    return found if isinstance(found, int) and 1 <= found <= 8 else 1


def camera_model(picture: ImageFile, file: IO[bytes]) -> str:
    """The camera's model as EXIF has it, without blanks around it; empty where there is none. Decodes nothing."""
    found = _exif_value(picture, file, _CAMERA_MODEL)
    return found.partition("\0")[0].strip() if isinstance(found, str) else ""


def resolution(picture: ImageFile) -> tuple[float, float] | None:
    """Dots per inch, across and down, as they stand in the file; None where there are none that could be."""
    try:
        across, down = map(float, picture.info["dpi"])
    except Exception:  # absent, or anything: a damaged value must not cost a good picture
        return None
    return (across, down) if 0 < across < 1e6 and 0 < down < 1e6 else None


def exif_without_orientation(picture: ImageFile) -> bytes:
    """The EXIF block as it can be written beside an upright picture; empty where there is none or it is damaged.

    Asked after `orientation`, which finds a PNG's block behind its pixels. A TIFF's own tags are no EXIF block.
    """
    if isinstance(picture, TiffImagePlugin.TiffImageFile) or not picture.info.get("exif"):
        return b""
    try:
        exif = Image.Image.getexif(picture)
        exif.pop(_ORIENTATION, None)
        return exif.tobytes() if len(exif) else b""
    except Exception:  # as below: a damaged block must not cost a good picture
        return b""


def _exif_value(picture: ImageFile, file: IO[bytes], tag: int) -> Any:
    if isinstance(picture, PngImagePlugin.PngImageFile) and "exif" not in picture.info:
        late = _png_chunk(file, b"eXIf")
        if late is not None:
            picture.info["exif"] = b"Exif\0\0" + late
    try:
        # Past PngImageFile.getexif, which decodes the picture to find what _png_chunk has found.
        return Image.Image.getexif(picture).get(tag)
    except Exception:  # a damaged EXIF block must not cost a good picture, and Pillow raises nearly anything on one
        return None


def upright_size(picture: ImageFile, file: IO[bytes]) -> tuple[int, int]:
    """(width, height) after the orientation is applied."""
    width, height = picture.size
    sideways = orientation(picture, file) in SIDEWAYS
    # Pillow has exchanged the sides of a TIFF by the tag already.
    if isinstance(picture, TiffImagePlugin.TiffImageFile) and _ORIENTATION in picture.tag_v2:
        sideways = False
    return (height, width) if sideways else (width, height)


def upright(image: np.ndarray, orientation: int) -> np.ndarray:
    """(H, W, ...) turned and mirrored as the EXIF orientation 1..8 says; a view."""
    match orientation:
        case 2:
            return image[:, ::-1]
        case 3:
            return image[::-1, ::-1]
        case 4:
            return image[::-1]
        case 5:
            return image.swapaxes(0, 1)
        case 6:
            return image[::-1].swapaxes(0, 1)
        case 7:
            return image[::-1, ::-1].swapaxes(0, 1)
        case 8:
            return image[:, ::-1].swapaxes(0, 1)
        case _:
            return image


def _png_chunk(file: IO[bytes], wanted: bytes) -> bytes | None:
    """A PNG chunk's content, wherever it stands, found by seeking from header to header."""
    place = file.tell()
    try:
        file.seek(8)
        while len(head := file.read(8)) == 8:
            length, name = struct.unpack(">I4s", head)
            if name == wanted:
                return file.read(length) if length <= _LARGEST_EXIF else None
            if name == b"IEND":
                return None
            file.seek(length + 4, 1)
        return None
    finally:
        file.seek(place)


def rawmodes(picture: ImageFile) -> set[Any]:
    """How the file's pixels are laid out, in Pillow's names such as `RGB;16B`; several where tiles differ."""
    return {tile.args[0] if isinstance(tile.args, tuple) else tile.args for tile in picture.tile}


def bits_per_sample(picture: ImageFile) -> int:
    """Bits of a channel in the file, as far as Pillow's layout name or TIFF's tag say."""
    if any(";16" in str(raw) for raw in rawmodes(picture)):
        return 16
    found = getattr(picture, "tag_v2", {}).get(_BITS_PER_SAMPLE, 8)
    return max(found) if isinstance(found, tuple) else int(found)


def has_many_scans(picture: ImageFile) -> bool:
    """Whether a JPEG is made of several scans, progressive or one for each channel; asked before it is loaded."""
    if picture.info.get("progressive"):
        return True
    file = picture.fp
    if file is None:
        return False
    place = file.tell()  # behind the marker of the first scan
    header = file.read(3)
    file.seek(place)
    return len(header) == 3 and header[2] < len(picture.getbands())
