"""`.safetensors` headers: what is said of each tensor has to be there, once."""

from __future__ import annotations

import json
import time
from pathlib import Path
from typing import Any

import pytest
import torch
from safetensors import safe_open
from safetensors.torch import save, save_file

from srkit.weight_files.refusals import DamagedWeights
from srkit.weight_files.tensor_files import read_header, with_texts

HUGE = 10**12


def written(file: Path, header: Any, content: bytes = b"") -> Path:
    text = header if isinstance(header, bytes) else json.dumps(header).encode()
    file.write_bytes(len(text).to_bytes(8, "little") + text + content)
    return file


def entry(shape: list[int], begin: int, end: int, dtype: str = "F32") -> dict[str, Any]:
    return {"dtype": dtype, "shape": shape, "data_offsets": [begin, end]}


def test_what_safetensors_writes_is_read(tmp_path: Path) -> None:
    kinds = (torch.float32, torch.float16, torch.bfloat16, torch.int64, torch.uint8, torch.bool, torch.float64)
    tensors = {str(n): torch.ones(2, n + 1).to(kind) for n, kind in enumerate(kinds)} | {"none": torch.zeros(0)}
    save_file(tensors, tmp_path / "a.safetensors", {"format": "pt", "words": "é"})
    header = read_header(tmp_path / "a.safetensors")
    assert header.texts == {"format": "pt", "words": "é"}
    assert {name: (one.shape, one.dtype) for name, one in header.tensors.items()} == {
        name: (one.shape, one.dtype) for name, one in tensors.items()
    }


@pytest.mark.parametrize(
    ("header", "content", "words"),
    [
        ({"a": entry([HUGE], 0, 4)}, bytes(4), "as large as, it says"),
        ({"a": entry([HUGE], 0, 4 * HUGE)}, bytes(4), "are there"),
        ({"a": entry([HUGE, 0], 0, 0)}, b"", "claims the shape"),
        ({"a": entry([1] * 40, 0, 4)}, bytes(4), "claims the shape"),
        ({"a": entry([1], 0, 4), "b": entry([1], 0, 4)}, bytes(4), "does not lie where"),
        ({"a": entry([1], 0, 4)}, bytes(8), "and 8 are there"),
        ({"a": entry([1], 0, 4)}, bytes(2), "and 2 are there"),
        ({"a": entry([-1], 0, -4)}, b"", "of the shape"),
        ({"a": entry([1], 0, 4, "Q1")}, bytes(4), "is Q1"),
        ({"body.999999999.weight": entry([1], 0, 4)}, bytes(4), "so many layers"),
        ({"a": {"dtype": "F32"}}, b"", "its header is none"),
        ({"__metadata__": {"a": 1}}, b"", "its header is none"),
        (b'{"a": 1, "a": 2}', b"", "'a' stands in it twice"),
        (b'{"__metadata__": {"a": "x", "a": "y"}}', b"", "'a' stands in it twice"),
        (b"[" * 100_000, b"", "its header is none"),
        (b"{ ", b"", "its header is none"),
    ],
)
def test_what_is_not_there_is_refused(header: Any, content: bytes, words: str, tmp_path: Path) -> None:
    began = time.monotonic()
    with pytest.raises(DamagedWeights, match=words):
        read_header(written(tmp_path / "a.safetensors", header, content))
    assert time.monotonic() - began < 5


@pytest.mark.parametrize("content", [b"", b"\1", (2**63).to_bytes(8, "little") + b"{}", bytes(8)])
def test_a_length_that_is_none(content: bytes, tmp_path: Path) -> None:
    (tmp_path / "a.safetensors").write_bytes(content)
    with pytest.raises(DamagedWeights, match="a header of"):
        read_header(tmp_path / "a.safetensors")


def test_texts_stand_in_their_order_whatever_safetensors_would_make_of_it(tmp_path: Path) -> None:
    """Read again by safetensors itself; which writes its texts in another order each time."""
    tensors = {"b": torch.arange(6.0).reshape(2, 3), "a.ü": torch.ones(1, dtype=torch.int8)}
    texts = {f"key {number}": f'"{number}" ü\n' for number in range(20)}
    content = with_texts(save(tensors), texts)
    assert content == with_texts(save(tensors), texts)
    (tmp_path / "x.safetensors").write_bytes(content)
    with safe_open(tmp_path / "x.safetensors", "pt") as found:
        assert found.metadata() == texts
        assert all(torch.equal(found.get_tensor(name), value) for name, value in tensors.items())
    assert int.from_bytes(content[:8], "little") % 8 == 0
    assert list(json.loads(content[8 : content.index(b"}")].decode() + "}}")["__metadata__"]) == list(texts)
