"""What an ONNX file says of its tensors, read as protobuf by itself: before onnxruntime opens or allocates anything."""

from __future__ import annotations

import mmap
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path, PureWindowsPath

from srkit.errors import UserError
from srkit.plain_files import open_plain

__all__ = ["check_onnx_claims"]

MOST_FIELDS = 3_000_000
MOST_NESTED = 64
MOST_PACKED = 8
"""Values in a byte, of the densest of ONNX's types."""

FEW = 64
"""Values that a tensor may claim without holding them."""

VARINT, FIXED64, BYTES, FIXED32 = 0, 1, 2, 5

# message -> field number -> the message in it; from onnx.proto
PARTS: dict[str, dict[int, str]] = {
    "model": {7: "graph", 20: "training", 25: "function"},
    "training": {1: "graph", 2: "graph"},
    "function": {7: "node", 11: "attribute"},
    "graph": {1: "node", 5: "tensor", 15: "sparse"},
    "node": {5: "attribute"},
    "attribute": {5: "tensor", 6: "graph", 10: "tensor", 11: "graph", 22: "sparse", 23: "sparse"},
    "sparse": {1: "tensor", 2: "tensor"},
}
DIMS, NAME, EXTERNAL, LOCATION = 1, 8, 13, 14
VALUES = (4, 5, 6, 7, 9, 10, 11)
"""Fields of a tensor that hold its values."""


class _Malformed(ValueError):
    """Bytes that are no protobuf."""


@dataclass
class _Claim:
    """A tensor: how many values it says it has, how many bytes are there, and in which other file the rest is."""

    name: str = ""
    values: int = 1
    stored: int = 0
    outside: list[str] = field(default_factory=list)
    is_outside: bool = False


def check_onnx_claims(path: Path) -> None:
    """Hold each tensor against the bytes that are there, in the file or in one beside it.

    Raises:
        UserError: a tensor lies outside the file's folder, or is larger than what is stored of it; or it is no ONNX.
    """
    try:
        with open_plain(path) as file:
            content = mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ)
        claims = list(_tensors(memoryview(content)))
    except OSError as error:
        raise UserError(f"{path} cannot be read: {error.strerror or error}") from None
    except ValueError as error:  # an empty file cannot be mapped
        raise UserError(f"{path}: onnxruntime cannot read this file (it is no ONNX: {error})") from None
    for claim in claims:
        for place in claim.outside:
            _require_beside(path, claim.name, place)
        if not claim.is_outside and claim.values > max(FEW, MOST_PACKED * claim.stored):
            what = f"claims {claim.values:,} values and holds {claim.stored:,} bytes"
            raise UserError(f"{path}: its tensor {claim.name[:80]!r} {what}")
        if claim.is_outside:
            _check_outside(path, claim)


def _require_beside(path: Path, name: str, place: str) -> None:
    parts = PureWindowsPath(place)
    folder = path.parent.resolve()
    is_plain = bool(place) and not parts.drive and not parts.root and ".." not in parts.parts and "\0" not in place
    if not is_plain or not (folder / place).resolve().is_relative_to(folder):
        raise UserError(
            f"{path}: its tensor {name[:80]!r} lies in {place[:200]!r}, outside the file's folder; it is not read"
        )


def _check_outside(path: Path, claim: _Claim) -> None:
    name = repr(claim.name[:80])
    for place in claim.outside:
        file = path.parent / place
        if not file.is_file():
            raise UserError(f"{path}: its tensor {name} lies in {place[:200]!r} beside it, which is not there")
        stored = file.stat().st_size
        if claim.values > max(FEW, MOST_PACKED * stored):
            raise UserError(
                f"{path}: its tensor {name} claims {claim.values:,} values, and {file} has {stored:,} bytes"
            )


def _tensors(content: memoryview) -> Iterator[_Claim]:
    waiting, seen = [("model", content, 0)], 0
    while waiting:
        message, part, depth = waiting.pop()
        if depth > MOST_NESTED:
            raise _Malformed("its graphs lie too deep in each other")
        if message == "tensor":
            claim, fields = _tensor(part)
            seen += fields
            yield claim
            continue
        inner = PARTS[message]
        for number, value in _fields(part):
            seen += 1
            if seen > MOST_FIELDS:
                raise _Malformed(f"it has more than {MOST_FIELDS:,} parts")
            if number in inner and isinstance(value, memoryview):
                waiting.append((inner[number], value, depth + 1))


def _tensor(content: memoryview) -> tuple[_Claim, int]:
    claim, count = _Claim(), 0
    for number, value in _fields(content):
        count += 1
        if count > MOST_FIELDS:
            raise _Malformed(f"a tensor of more than {MOST_FIELDS:,} parts")
        if number == DIMS:
            for side in _varints(value) if isinstance(value, memoryview) else [value]:
                claim.values *= side
                if side >= 1 << 62:
                    raise _Malformed("a negative or endless dimension")
        elif number == NAME and isinstance(value, memoryview):
            claim.name = bytes(value[:200]).decode("utf-8", "replace")
        elif number in VALUES:
            claim.stored += len(value) if isinstance(value, memoryview) else 8
        elif number == EXTERNAL and isinstance(value, memoryview):
            entry = {key: text for key, text in _fields(value) if isinstance(text, memoryview)}
            if bytes(entry.get(1, b"")) == b"location":
                claim.outside.append(bytes(entry.get(2, b"")).decode("utf-8", "replace"))
        elif number == LOCATION and value == 1:
            claim.is_outside = True
    return claim, count


def _varints(content: memoryview) -> Iterator[int]:
    place = 0
    while place < len(content):
        value, place = _varint(content, place)
        yield value


def _fields(content: memoryview) -> Iterator[tuple[int, int | memoryview]]:
    """Each field's number with its value: a number, or the bytes of whatever is longer."""
    place, end = 0, len(content)
    while place < end:
        key, place = _varint(content, place)
        number, kind = key >> 3, key & 7
        if kind == VARINT:
            value, place = _varint(content, place)
            yield number, value
            continue
        if kind == BYTES:
            length, place = _varint(content, place)
        elif kind in (FIXED64, FIXED32):
            length = 8 if kind == FIXED64 else 4
        else:
            raise _Malformed(f"a field of the kind {kind}")
        if length > end - place or not number:
            raise _Malformed("a field that is cut")
        yield number, content[place : place + length]
        place += length


def _varint(content: memoryview, place: int) -> tuple[int, int]:
    value = 0
    for shift in range(0, 70, 7):
        if place >= len(content):
            break
        byte = content[place]
        place += 1
        value |= (byte & 0x7F) << shift
        if byte < 0x80:
            return value, place
    raise _Malformed("a number that is cut")
