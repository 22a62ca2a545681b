"""The header of a `.safetensors` file: its texts and shapes, held against its size; no tensor is read."""

from __future__ import annotations

import json
import math
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import msgspec
import torch
from torch import Tensor

from srkit.plain_files import open_plain
from srkit.weight_files.claims import check_names, check_shape
from srkit.weight_files.refusals import DamagedWeights

__all__ = ["TensorHeader", "read_header", "with_texts"]

MOST_BYTES = 32_000_000

DTYPES = {
    "F64": torch.float64,
    "F32": torch.float32,
    "F16": torch.float16,
    "BF16": torch.bfloat16,
    "F8_E4M3": torch.float8_e4m3fn,
    "F8_E5M2": torch.float8_e5m2,
    "C64": torch.complex64,
    "I64": torch.int64,
    "I32": torch.int32,
    "I16": torch.int16,
    "I8": torch.int8,
    "U64": torch.uint64,
    "U32": torch.uint32,
    "U16": torch.uint16,
    "U8": torch.uint8,
    "BOOL": torch.bool,
}


@dataclass(frozen=True)
class TensorHeader:
    """What a file says of itself.

    Attributes:
        texts: its own words, by key.
        tensors: on the meta device, by name.
    """

    texts: Mapping[str, str]
    tensors: Mapping[str, Tensor]


class _Tensor(msgspec.Struct):
    dtype: str
    shape: list[int]
    data_offsets: tuple[int, int]


def read_header(path: Path) -> TensorHeader:
    """The header of a file, if the file is as long as it says.

    Raises:
        DamagedWeights: it is no such file, it is cut, or it names something twice.
        OSError: it cannot be read.
    """
    with open_plain(path) as file:
        length = int.from_bytes(file.read(8), "little")
        room = file.seek(0, 2) - 8
        if not 1 < length <= min(room, MOST_BYTES):
            raise DamagedWeights(f"a header of {length:,} bytes, and {max(room, 0):,} follow")
        file.seek(8)
        content = file.read(length)
    try:
        tree = json.loads(content, object_pairs_hook=_once)
        texts = msgspec.convert(tree.pop("__metadata__", {}), dict[str, str])
        entries = msgspec.convert(tree, dict[str, _Tensor])
    except (ValueError, TypeError, AttributeError, RecursionError) as error:
        raise DamagedWeights(f"its header is none ({str(error)[:120]})") from error
    check_names(entries)
    _check_places(entries, room - length)
    tensors = {name: torch.empty(one.shape, dtype=DTYPES[one.dtype], device="meta") for name, one in entries.items()}
    return TensorHeader(texts, tensors)


def with_texts(content: bytes, texts: Mapping[str, str]) -> bytes:
    """A file's bytes with texts in its header, in this order: safetensors by itself writes them in another each time.

    Args:
        content: as `safetensors.torch.save` gives it, without texts.
        texts: what the file says of itself.
    """
    end = 8 + int.from_bytes(content[:8], "little")
    header = {"__metadata__": dict(texts), **json.loads(content[8:end])}
    written = json.dumps(header, ensure_ascii=False, separators=(",", ":")).encode()
    written += b" " * (-len(written) % 8)  # so that the tensors' bytes begin at a multiple of 8, as the format has it
    return b"".join((len(written).to_bytes(8, "little"), written, memoryview(content)[end:]))


def _once(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) < len(pairs):
        names = [name for name, _ in pairs]
        raise ValueError(f"{next(name for name in names if names.count(name) > 1)!r} stands in it twice")
    return found


def _check_places(entries: Mapping[str, _Tensor], stored: int) -> None:
    place = 0
    for name, one in sorted(entries.items(), key=lambda entry: entry[1].data_offsets):
        if one.dtype not in DTYPES or any(side < 0 for side in one.shape):
            raise DamagedWeights(f"the tensor {name[:80]} is {one.dtype[:20]} of the shape {str(one.shape)[:80]}")
        check_shape(name[:80], tuple(one.shape))
        begin, end = one.data_offsets
        if begin != place or end - begin != math.prod(one.shape) * DTYPES[one.dtype].itemsize:
            raise DamagedWeights(f"the tensor {name[:80]} does not lie where, or is not as large as, it says")
        place = end
    if place != stored:
        raise DamagedWeights(f"its tensors take {place:,} bytes, and {stored:,} are there")
