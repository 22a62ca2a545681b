"""`.pth` files: examined byte by byte, and only then read by a torch that is safe to do it."""

from __future__ import annotations

import io
from collections.abc import Mapping
from pathlib import Path
from typing import Any, BinaryIO

import torch

from srkit.plain_files import open_plain
from srkit.weight_files.archive import is_archive, verified_members
from srkit.weight_files.claims import outlined, storages_of
from srkit.weight_files.pickled import MOST_BYTES, Storage, read_pickle
from srkit.weight_files.refusals import DamagedWeights, MoreThanWeights
from srkit.weight_files.safe_torch import is_known, require_safe_torch, torch_is_safe

__all__ = ["load_torch_file", "outline_torch_file"]

LEGACY = 0x1950A86A20F9469CFC6C
"""What begins a file of torch before 1.6, as a pickled number."""


def load_torch_file(path: Path) -> Any:
    """What a file holds, tensors on the CPU.

    Raises:
        UserError: this torch is not safe to open it, or it is a TorchScript program.
        MoreThanWeights: it names something else than weights.
        DamagedWeights: a checksum, a size or a claim in it does not fit.
        Exception: whatever torch makes of it.
    """
    require_safe_torch(path)
    if torch_is_safe() and path.stat().st_size:  # of an empty file torch knows what to say
        try:
            outline_torch_file(path)
        except (DamagedWeights, MoreThanWeights):
            if not is_known(path):
                raise
    with torch.device("cpu"):
        return torch.load(path, map_location="cpu", weights_only=True)


def outline_torch_file(path: Path) -> Any:
    """What a file says that it holds, with tensors on the meta device; torch reads none of it.

    Raises:
        ScriptFile, MoreThanWeights, DamagedWeights: as `load_torch_file`.
        OSError: it cannot be read.
    """
    if is_archive(path):
        return _archive(path)
    with open_plain(path) as file:
        return _legacy(file)


def _archive(path: Path) -> Any:
    members = verified_members(path)
    table = members["data.pkl"]
    if table.file_size > MOST_BYTES:
        raise DamagedWeights(f"its table of tensors has {table.file_size:,} bytes")
    with open_plain(path) as file:
        file.seek(table.header_offset + 26)
        name, extra = (int.from_bytes(file.read(2), "little") for _ in range(2))
        file.seek(name + extra, 1)
        tree = read_pickle(io.BytesIO(file.read(table.file_size)))
    sizes = {key.removeprefix("data/"): one.file_size for key, one in members.items() if key.startswith("data/")}
    for storage in storages_of(tree):
        _check_size(storage, sizes)
    return outlined(tree)


def _check_size(storage: Storage, sizes: Mapping[str, int]) -> None:
    stored, said = sizes.get(storage.key, -1), storage.elements * storage.dtype.itemsize
    if stored != said:
        raise DamagedWeights(f"the storage {storage.key[:40]!r} says {said:,} bytes, and {max(stored, 0):,} are there")


def _legacy(file: BinaryIO) -> Any:
    """A file of torch before 1.6: a few tables, then the storages one after another, each after its length.

    It has no checksums; its sizes have to add up.
    """
    content = io.BytesIO(file.read(MOST_BYTES))
    if read_pickle(content) != LEGACY:
        raise DamagedWeights("it is neither an archive of torch's nor a file of torch before 1.6")
    read_pickle(content), read_pickle(content)  # its version, and facts on the machine it was written on
    tree, keys = read_pickle(content), read_pickle(content)
    storages = {one.key: one for one in storages_of(tree)}
    if not isinstance(keys, list) or {str(key) for key in keys} != set(storages) or len(keys) != len(storages):
        raise DamagedWeights("the list of its storages does not fit its table of tensors")
    place = content.tell()
    for key in map(str, keys):
        file.seek(place)
        count = int.from_bytes(file.read(8), "little", signed=True)
        if count != storages[key].elements:
            raise DamagedWeights(f"the storage {key[:40]!r} has {count:,} values, {storages[key].elements:,} are said")
        place += 8 + count * storages[key].dtype.itemsize
    if file.seek(0, 2) != place:
        raise DamagedWeights(f"its storages end at the byte {place:,}, and the file at {file.tell():,}")
    return outlined(tree)
