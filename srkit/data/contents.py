"""Which files a data set is made of, each by its relative name and the hash of its content."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Collection, Mapping, Sequence
from contextlib import suppress
from dataclasses import asdict, dataclass, replace
from pathlib import Path, PurePosixPath, PureWindowsPath
from typing import TYPE_CHECKING

from srkit.contracts import Dataset
from srkit.data.cache import files_of, lr_files_of
from srkit.data.digests import digest_of
from srkit.data.packed import INDEX, PICTURES
from srkit.data.placing import place_bytes
from srkit.data.threads import in_threads
from srkit.errors import BadImage
from srkit.json_files import as_type, read_object

if TYPE_CHECKING:
    from srkit.data.audit import Verdict

__all__ = ["DataFile", "completed", "content_digest", "contents_of", "read_contents", "record_contents"]

FILES = "files"
"""The key of a run's `data.json` that holds what this module writes."""


@dataclass(frozen=True)
class DataFile:
    """One file of a data set.

    Attributes:
        name: relative, as the set calls the sample; another one for each file of a set.
        sha256: of its content when it was first decoded, empty as long as that is not known; of the pixels where the
            sample comes from no file; of a packed set, of its index, which holds the checksum of each image.
        path: where it lies on this machine; empty where there is none.
        size: bytes.
        time: of its last change, in nanoseconds.
    """

    name: str
    sha256: str
    path: str = ""
    size: int = 0
    time: int = 0


def contents_of(dataset: Dataset, verdicts: Sequence[Verdict], left_out: Collection[int]) -> list[DataFile]:
    """The files of a set by what looking at each sample found, without those that are left out; no file is opened."""
    own, small = files_of(dataset), lr_files_of(dataset)
    found: dict[tuple[str, str], DataFile] = {}
    for index, verdict in enumerate(verdicts):
        if index in left_out:
            continue
        name = dataset.name(index)
        if own is not None and own[index].name == PICTURES:  # the index says of each image what it is
            found.setdefault(("", str(own[index])), _described(INDEX, "", own[index].with_name(INDEX)))
            continue
        # a mix may hold a sample several times
        label = str(own[index]) if own is not None else str(index)
        found.setdefault((name, label), _described(name, verdict.sha256, own[index] if own is not None else None))
        if verdict.lr_width:
            of = small[index] if small is not None else None
            found.setdefault((f"{name} (LR)", label), _described(f"{name} (LR)", verdict.lr_sha256, of))
    return _told_apart(list(found.values()))


def content_digest(files: Sequence[DataFile]) -> str:
    """A SHA-256 (hex) of the names of a set's files and of what they hold: whatever their times, and wherever they lie.

    Nothing is read but the index of a packed set. Empty where some content is not known.
    """
    digest = hashlib.sha256()
    for one in files:
        sha256 = one.sha256
        if not sha256 and one.path and Path(one.path).name == INDEX:
            with suppress(BadImage):
                sha256 = digest_of(Path(one.path)).sha256
        if not sha256:
            return ""
        digest.update(json.dumps([one.name, sha256]).encode() + b"\n")
    return digest.hexdigest()


def _told_apart(files: Sequence[DataFile]) -> list[DataFile]:
    """With names that hold no folder of this machine, the later of two that are the same numbered."""
    named: list[DataFile] = []
    taken: dict[str, int] = {}
    for one in files:
        plain = label = Path(one.name).name if _is_absolute(one.name) else one.name
        while label in taken:
            taken[plain] += 1
            label = f"{plain} ({taken[plain]})"
        taken[label] = 1
        named.append(replace(one, name=label))
    return named


def _is_absolute(name: str) -> bool:
    return PurePosixPath(name).is_absolute() or PureWindowsPath(name).is_absolute()


def completed(
    contents: Mapping[str, Sequence[DataFile]], progress: Callable[[int, int], None] | None = None
) -> tuple[dict[str, list[DataFile]], list[str]]:
    """The files of each role, each with its hash, and the names of those that were changed since they were looked at.

    A file with the size and time it had is not read again.

    Args:
        contents: as `contents_of` gave them before the run.
        progress: called with (files read, files to be read).

    Raises:
        BadImage: a file whose content was never taken has gone.
    """
    whole = {role: list(files) for role, files in contents.items()}
    places = [(role, index) for role, files in whole.items() for index, one in enumerate(files) if _is_due(one)]
    changed = []
    for seen, ((role, index), now) in enumerate(
        zip(places, in_threads(lambda place: _read_now(whole[place[0]][place[1]]), places), strict=True), 1
    ):
        one = whole[role][index]
        if one.sha256 not in ("", now.sha256):
            changed.append(f"{role}: {one.name}")
        else:
            whole[role][index] = now
        if progress is not None:
            progress(seen, len(places))
    return whole, changed


def _is_due(one: DataFile) -> bool:
    """Whether a file has to be read: its content is not known, or it may have been changed."""
    return bool(one.path) and (not one.sha256 or _described(one.name, one.sha256, Path(one.path)) != one)


def _read_now(one: DataFile) -> DataFile:
    try:
        digest = digest_of(Path(one.path))
    except BadImage:
        if not one.sha256:
            raise
        return replace(one, sha256="gone")
    return replace(one, sha256=digest.sha256, size=digest.size, time=digest.mtime_ns)


def record_contents(memory: Path, contents: Mapping[str, Sequence[DataFile]]) -> None:
    """Write the files of each role into a run's `data.json`, beside what is remembered of images there.

    Raises:
        OSError: the disk is full or the folder read-only.
    """
    known = read_object(memory) if memory.is_file() else {}
    listed = {
        role: {one.name: {key: value for key, value in asdict(one).items() if key != "name"} for one in files}
        for role, files in contents.items()
    }
    place_bytes(memory, json.dumps({**known, FILES: listed}, indent=0).encode())


@dataclass(frozen=True)
class _Entry:
    sha256: str
    path: str
    size: int
    time: int


def read_contents(memory: Path) -> dict[str, list[DataFile]]:
    """What `record_contents` wrote; empty where that was never done.

    Raises:
        UserError: the file is damaged.
    """
    if not memory.is_file():
        return {}
    listed = as_type(read_object(memory).get(FILES, {}), dict[str, dict[str, _Entry]], memory)
    return {role: [DataFile(name, **asdict(one)) for name, one in files.items()] for role, files in listed.items()}


def _described(name: str, sha256: str, file: Path | None) -> DataFile:
    if file is None:
        return DataFile(name, sha256)
    try:
        about = file.stat()
    except OSError:
        return DataFile(name, sha256, str(file.absolute()))
    return DataFile(name, sha256, str(file.absolute()), about.st_size, about.st_mtime_ns)
