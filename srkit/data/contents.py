"""Which files a data set is made of, each by its relative name and the hash of its content."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Collection, Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from srkit.contracts import Dataset
from srkit.data.cache import files_of, is_mapped, lr_files_of
from srkit.data.headers import IMAGE_SUFFIXES
from srkit.data.packed import INDEX
from srkit.data.placing import place_bytes
from srkit.json_files import as_type, read_object

if TYPE_CHECKING:
    from srkit.data.audit import Verdict

__all__ = ["DataFile", "content_hash", "contents_of", "file_hash", "read_contents", "record_contents"]

FILES = "files"
"""The key of a run's `data.json` that holds what this module writes."""


@dataclass(frozen=True)
class DataFile:
    """One file of a data set.

    Attributes:
        name: relative, as the set calls the sample.
        sha256: of its content when it was first decoded; of its pixels where a sample has no image file of its own; of
            a packed set, of its index, which holds the checksum of each image.
        path: where it lies on this machine; empty where there is none.
        size: bytes.
        time: of its last change, in nanoseconds.
    """

    name: str
    sha256: str
    path: str = ""
    size: int = 0
    time: int = 0


def content_hash(file: Path | None, pixels: np.ndarray) -> str:
    """The SHA-256 of an image's file, which was just read; of the pixels where they have no file of their own."""
    if file is not None and file.suffix.lower() in IMAGE_SUFFIXES:
        return file_hash(file)
    digest = hashlib.sha256(json.dumps(pixels.shape).encode())
    digest.update(np.ascontiguousarray(pixels).data)
    return digest.hexdigest()


def file_hash(file: Path) -> str:
    """The SHA-256 of a file; empty where it has gone."""
    try:
        with file.open("rb") as stream:
            return hashlib.file_digest(stream, "sha256").hexdigest()
    except OSError:
        return ""


def contents_of(dataset: Dataset, verdicts: Sequence[Verdict], left_out: Collection[int]) -> list[DataFile]:
    """The files of a set by what looking at each sample found, without those that are left out."""
    own, small = files_of(dataset), lr_files_of(dataset)
    if is_mapped(dataset):
        indexes = sorted({file.with_name(INDEX) for file in own or ()})
        return [_described(f"{one.parent.name}/{one.name}", file_hash(one), one) for one in indexes]
    found = []
    for index, verdict in enumerate(verdicts):
        if index in left_out:
            continue
        name = dataset.name(index)
        found.append(_described(name, verdict.sha256, own[index] if own is not None else None))
        if verdict.lr_sha256:
            found.append(_described(f"{name} (LR)", verdict.lr_sha256, small[index] if small is not None else None))
    return found


def record_contents(memory: Path, contents: Mapping[str, Sequence[DataFile]]) -> None:
    """Write the files of each role into a run's `data.json`, beside what is remembered of images there.

    Raises:
        OSError: the disk is full or the folder read-only.
    """
    known = read_object(memory) if memory.is_file() else {}
    listed = {role: [list(asdict(one).values()) for one in files] for role, files in contents.items()}
    place_bytes(memory, json.dumps({**known, FILES: listed}, indent=0).encode())


def read_contents(memory: Path) -> dict[str, list[DataFile]]:
    """What `record_contents` wrote; empty where that was never done.

    Raises:
        UserError: the file is damaged.
    """
    if not memory.is_file():
        return {}
    listed = as_type(read_object(memory).get(FILES, {}), dict[str, list[tuple[str, str, str, int, int]]], memory)
    return {role: [DataFile(*one) for one in files] for role, files in listed.items()}


def _described(name: str, sha256: str, file: Path | None) -> DataFile:
    try:
        about = file.stat() if file is not None else None
    except OSError:
        about = None
    if file is None or about is None:
        return DataFile(name, sha256)
    return DataFile(name, sha256, str(file), about.st_size, about.st_mtime_ns)
