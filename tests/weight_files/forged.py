"""Files of weights as nobody's torch writes them: tables of tensors written instruction by instruction."""

from __future__ import annotations

import io
import pickle
import zipfile
from pathlib import Path
from typing import Any

import torch

MAGIC, PROTOCOL = 0x1950A86A20F9469CFC6C, 1001


class Call:
    """Pickles as a call of something of torch's, whatever it would do."""

    def __init__(self, what: Any, *arguments: Any) -> None:
        self.what, self.arguments = what, arguments

    def __reduce__(self) -> tuple[Any, ...]:
        return self.what, self.arguments


class Stored:
    """Pickles as a storage that lies elsewhere in the file."""

    def __init__(self, key: str, elements: int, kind: Any = torch.FloatStorage, location: str = "cpu") -> None:
        self.id = ("storage", kind, key, location, elements)


class _Pickler(pickle._Pickler):  # type: ignore[misc,name-defined]  # the one in Python, whose persistent_id can be had
    def persistent_id(self, thing: Any) -> Any:
        return thing.id if isinstance(thing, Stored) else None


def pickled(tree: Any) -> bytes:
    content = io.BytesIO()
    _Pickler(content, 2).dump(tree)
    return content.getvalue()


def tensor(
    size: tuple[int, ...], *, key: str = "0", elements: int, stride: tuple[int, ...] | None = None, offset: int = 0
) -> Call:
    """A tensor that says it has this size, in a storage of so many elements."""
    steps = stride if stride is not None else (1,) * len(size)
    return Call(torch._utils._rebuild_tensor_v2, Stored(key, elements), offset, size, steps, False, {})


def archive(file: Path, tree: Any, storages: dict[str, bytes], compression: int = zipfile.ZIP_STORED) -> Path:
    """A `.pth` file as torch writes them since 1.6."""
    with zipfile.ZipFile(file, "w", compression) as target:
        target.writestr("x/data.pkl", tree if isinstance(tree, bytes) else pickled(tree))
        target.writestr("x/version", "3\n")
        for key, content in storages.items():
            target.writestr(f"x/data/{key}", content)
    return file


def legacy(file: Path, tree: Any, storages: dict[str, tuple[int, bytes]]) -> Path:
    """A `.pth` file as torch wrote them before 1.6."""
    facts = {"protocol_version": PROTOCOL, "little_endian": True, "type_sizes": {"short": 2, "int": 4, "long": 4}}
    parts = [pickled(one) for one in (MAGIC, PROTOCOL, facts, tree, list(storages))]
    parts += [count.to_bytes(8, "little", signed=True) + content for count, content in storages.values()]
    file.write_bytes(b"".join(parts))
    return file
