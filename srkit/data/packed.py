"""Packed sets: many pictures in one memory-mapped npy file, with an index beside it that knows their checksums."""

from __future__ import annotations

import json
import os
import re
from collections.abc import Callable, Iterable, Sequence
from dataclasses import asdict, dataclass
from hashlib import sha256
from pathlib import Path
from typing import Any

import msgspec
import numpy as np

from srkit.data.limits import MAX_PIXELS, max_pixels
from srkit.data.placing import placed
from srkit.data.threads import in_threads
from srkit.errors import BadImage, TooLarge, UserError
from srkit.json_files import DAMAGED, parsed
from srkit.links import open_no_follow

__all__ = ["HEADER_BYTES", "INDEX", "PICTURES", "PackedPictures", "check_of", "finish_packed", "write_packed"]

PICTURES, INDEX = "pictures.npy", "index.json"

HEADER_BYTES = 128
"""Bytes before the first picture: an npy header padded with blanks, so that it can be written last."""

_FORMAT, _VERSION = "srkit packed pictures", 1
_CHUNK = 64  # pictures between two reports of progress
_LARGEST_SIDE = 1 << 20
_CHECK, _CONTROL = re.compile(r"[0-9a-f]{16}"), re.compile(r"[\x00-\x1f\x7f-\x9f]")


@dataclass(frozen=True)
class _Index:
    """What `index.json` holds beside its own checksum.

    Attributes:
        shape: (height, width, 3) where all pictures have one size, else None.
        sizes: (width, height) of each picture where they differ, else None.
        names: what each picture is called.
        checks: `check_of` each picture's bytes.
    """

    shape: tuple[int, int, int] | None
    sizes: list[tuple[int, int]] | None
    names: list[str]
    checks: list[str]


class PackedPictures:
    """The pictures of a packed set; opening it reads the index alone.

    The file is an ordinary npy array of uint8: (N, H, W, 3), or where sizes differ a flat one in which each picture's
    (H, W, 3) bytes follow those of the one before. Not to be changed while it is open.

    Args:
        folder: holds `pictures.npy` and `index.json`.

    Raises:
        UserError: no packed set, an unfinished or a damaged one; names the file.
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.file = folder / PICTURES
        self._index = _read_index(folder)
        count = len(self._index.names)
        _require_sizes(folder / INDEX, self._index)
        if self._index.shape is not None:
            height, width, _ = self._index.shape
            self.sizes: Sequence[tuple[int, int]] = [(width, height)] * count
        else:
            self.sizes = [(width, height) for width, height in self._index.sizes or ()]
        lengths = np.array([3 * width * height for width, height in self.sizes], np.int64)
        self._ends = np.cumsum(lengths)
        total = sum(3 * width * height for width, height in self.sizes)  # which no sum of numpy's overflows
        self._bytes = _mapped(self.file, total, self._index.shape, count)

    def __len__(self) -> int:
        return len(self._index.names)

    def __getitem__(self, index: int) -> np.ndarray:
        """uint8 RGB (H, W, 3), a read-only view of the file: only what is touched of it is read."""
        if not 0 <= index < len(self):
            raise IndexError(f"picture {index} of a packed set of {len(self)}")
        width, height = self.sizes[index]
        end = int(self._ends[index])
        return self._bytes[end - 3 * width * height : end].reshape(height, width, 3)

    def name(self, index: int) -> str:
        """What the picture is called."""
        return self._index.names[index]

    @property
    def checks(self) -> Sequence[str]:
        """Each picture's checksum, 16 hexadecimal digits."""
        return self._index.checks

    def verify(self, progress: Callable[[int, int], None] | None = None) -> None:
        """Read everything and compare it with the checksums.

        Args:
            progress: called with (pictures seen, pictures in all).

        Raises:
            BadImage: naming the file and the first picture that is not what was packed.
        """
        checks = in_threads(lambda index: check_of(self[index]), range(len(self)))
        for index, check in enumerate(checks):
            if check != self._index.checks[index]:
                raise BadImage(
                    self.file,
                    f"picture {index} ({self.name(index)}) is not what was packed, its checksum differs; "
                    "the file was damaged or changed: pack it again",
                )
            seen = index + 1
            if progress is not None and (seen % _CHUNK == 0 or seen == len(self)):
                progress(seen, len(self))


def check_of(content: bytes | memoryview | np.ndarray) -> str:
    """The first 16 hexadecimal digits of SHA-256; an array is taken as its bytes, (H, W, 3) in order."""
    return sha256(content).hexdigest()[:16]  # type: ignore[arg-type]  # a contiguous array is a buffer


def write_packed(folder: Path, pictures: Iterable[tuple[str, np.ndarray]]) -> None:
    """Pack pictures one after another; they appear together at the end or not at all.

    Args:
        folder: where to; made if missing.
        pictures: name and uint8 RGB (H, W, 3) of each.

    Raises:
        UserError: there are none, or the folder cannot be written.
    """
    names, sizes, checks = [], [], []
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise UserError(f"{folder}: this folder cannot be made ({error.strerror or error})") from error
    with placed(folder / PICTURES) as aside:
        with aside.open("wb") as file:
            file.write(bytes(HEADER_BYTES))
            for name, picture in pictures:
                content = np.ascontiguousarray(picture)
                file.write(content.data)
                names.append(name)
                sizes.append((picture.shape[1], picture.shape[0]))
                checks.append(check_of(content))
        write_header(aside, sizes)
        # a set that stood there before is none until its new index is there
        (folder / INDEX).unlink(missing_ok=True)
    finish_packed(folder, names, sizes, checks)


def write_header(file: Path, sizes: Sequence[tuple[int, int]]) -> None:
    """Put the header before pictures of these (width, height), and cut what lies behind the last one.

    Raises:
        UserError: there are none.
    """
    if not sizes:
        raise UserError(f"{file.parent}: no pictures to pack")
    total = sum(3 * width * height for width, height in sizes)
    width, height = sizes[0]
    shape = (len(sizes), height, width, 3) if len(set(sizes)) == 1 else (total,)
    with open_no_follow(file, "r+b") as stream:
        stream.write(_npy_header(shape))
        stream.truncate(HEADER_BYTES + total)
        stream.flush()
        os.fsync(stream.fileno())


def finish_packed(folder: Path, names: Sequence[str], sizes: Sequence[tuple[int, int]], checks: Sequence[str]) -> None:
    """Write the index of the `pictures.npy` that lies in the folder, which makes it a packed set.

    Args:
        folder: where the pictures are.
        names, sizes, checks: of each picture: what it is called, (width, height), `check_of` its bytes.
    """
    uniform = len(set(sizes)) == 1
    width, height = sizes[0]
    index = _Index(
        shape=(height, width, 3) if uniform else None,
        sizes=None if uniform else list(sizes),
        names=list(names),
        checks=list(checks),
    )
    content = {"format": _FORMAT, "version": _VERSION, **asdict(index)}
    with placed(folder / INDEX) as aside:
        aside.write_text(json.dumps({**content, "checksum": _checksum(content)}), encoding="utf-8")


def _npy_header(shape: tuple[int, ...]) -> bytes:
    """An npy header of version 1.0 for uint8 in C order, of `HEADER_BYTES` bytes."""
    text = f"{{'descr': '|u1', 'fortran_order': False, 'shape': {shape}, }}".encode("ascii")
    start = b"\x93NUMPY\x01\x00" + (HEADER_BYTES - 10).to_bytes(2, "little")
    return start + text.ljust(HEADER_BYTES - 11) + b"\n"


def _checksum(content: dict[str, Any]) -> str:
    return sha256(json.dumps(content).encode()).hexdigest()


def _read_index(folder: Path) -> _Index:
    path = folder / INDEX
    try:
        content = parsed(path.read_text(encoding="utf-8"))
        if content["format"] != _FORMAT:
            raise UserError(f"{path}: not the index of a packed set")
        if content["version"] != _VERSION:
            raise UserError(f"{path}: a packed set of version {content['version']}; this srkit reads {_VERSION}")
        checksum = content.pop("checksum")
        if checksum != _checksum(content):
            raise UserError(f"{path}: damaged or changed, its checksum does not fit; pack the pictures again")
        index = msgspec.convert({key: content[key] for key in ("shape", "sizes", "names", "checks")}, _Index)
        _require_sound(index)
        return index
    except OSError as error:
        raise UserError(f"{path}: cannot be read ({error.strerror}); a packed set has this file") from None
    except DAMAGED as error:
        why = f" ({error})" if isinstance(error, ValueError) else ""
        raise UserError(f"{path}: damaged, it is no index of a packed set{why}; pack the pictures again") from None


def _require_sound(index: _Index) -> None:
    """Raise a ValueError for numbers and names that no packed set has, whatever their checksum says."""
    count = len(index.names)
    sizes = index.sizes if index.shape is None else [index.shape[:2]]
    if not count or len(index.checks) != count or sizes is None or (index.shape is None and len(sizes) != count):
        raise ValueError("it has not one size, name and checksum for each picture")
    if any(not 0 < side <= _LARGEST_SIDE for size in sizes for side in size):
        raise ValueError("a picture's size is none")
    if index.shape is not None and index.shape[2] != 3:
        raise ValueError("pictures have 3 channels")
    if any(_CHECK.fullmatch(check) is None for check in index.checks):
        raise ValueError("a checksum is none")
    odd = next((name for name in index.names if not name or _CONTROL.search(name)), None)
    if odd is not None:
        raise ValueError(f"no picture is called {odd!r}")


def _require_sizes(path: Path, index: _Index) -> None:
    """Refuse images that are larger than one in a folder may be.

    Raises:
        TooLarge: naming the index and the first such image.
    """
    sizes = index.sizes if index.shape is None else [(index.shape[1], index.shape[0])]
    for number, (width, height) in enumerate(sizes or ()):
        if width * height > max_pixels():
            raise TooLarge(
                path,
                f"image {number} ({index.names[number]}) has {width}x{height} pixels, and one of a set may have "
                f"{max_pixels():,}; {MAX_PIXELS}={width * height} allows it",
            )


def _mapped(path: Path, length: int, shape: tuple[int, int, int] | None, count: int) -> np.ndarray:
    """The pictures' bytes, flat and read-only, after the header was compared with the index."""
    expected = _npy_header((length,) if shape is None else (count, *shape))
    try:
        with path.open("rb") as file:
            header = file.read(HEADER_BYTES)
            actual = os.fstat(file.fileno()).st_size
    except OSError as error:
        raise UserError(f"{path}: cannot be read ({error.strerror}); {INDEX} beside it needs it") from None
    if header != expected:
        raise UserError(f"{path}: its header is not the one that {INDEX} tells; pack the pictures again")
    if actual != HEADER_BYTES + length:
        change = "cut short" if actual < HEADER_BYTES + length else "longer than it was"
        raise UserError(
            f"{path}: {change}, it has {actual} bytes and {INDEX} says {HEADER_BYTES + length}; "
            "copy it again or pack the pictures again"
        )
    return np.memmap(path, np.uint8, "r", HEADER_BYTES, (length,)).view(np.ndarray)
