"""What is said about the data before a run: its fingerprint, and every picture that is broken or too small."""

from __future__ import annotations

import json
import os
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path
from typing import Any

from srkit.contracts import Dataset
from srkit.data.cache import files_of
from srkit.data.placing import placed
from srkit.errors import BadImage

_VERSION = 1
_CHUNK = 256  # pictures between two reports of progress


@dataclass(frozen=True)
class Verdict:
    """What looking at one picture found: its HR size, or why it cannot be used."""

    width: int = 0
    height: int = 0
    why: str = ""


def fingerprint(dataset: Dataset, options: Mapping[str, Any]) -> str:
    """A SHA-256 (hex) that changes when the data do: samples' names, their files' sizes and times, and the options.

    No file is opened. Sets without `files()` are known by their length, names and options alone. Names, not absolute
    paths: the same folder moved elsewhere, with its times, is the same data.

    Args:
        dataset: the training or validation set.
        options: what else decides what the samples are, such as the dataset's own options.

    Raises:
        BadImage: a file has gone.
    """
    digest = sha256(json.dumps([len(dataset), dict(options)], sort_keys=True, default=str).encode())
    files = files_of(dataset)
    for index in range(len(dataset)):
        stamp = _stamp(files[index]) if files is not None else ()
        digest.update(json.dumps([dataset.name(index), *stamp]).encode() + b"\n")
    return digest.hexdigest()


def find_broken(
    dataset: Dataset,
    *,
    minimum: int,
    memory: Path | None = None,
    workers: int | None = None,
    progress: Callable[[int, int], None] | None = None,
) -> list[BadImage]:
    """Every picture that does not decode, or whose HR sides are not both at least `minimum` pixels; in the set's order.

    Each sample is read once, through the set itself: with a `Cached` set the pictures are warm afterwards. What was
    found is remembered by path, size and time, also when the search is interrupted, so that the next call reads only
    new and changed files. Sets without `files()` are read one after another, each time.

    Args:
        dataset: any set.
        minimum: HR pixels a patch needs at each side.
        memory: a JSON file for what was found; None remembers nothing. A damaged one is begun anew.
        workers: threads (decoders run outside Python's lock); by default one a CPU.
        progress: called with (samples seen, samples in all).

    Raises:
        UserError: `memory` cannot be written.
    """
    found = find_broken_samples(dataset, minimum=minimum, memory=memory, workers=workers, progress=progress)
    return list(found.values())


def find_broken_samples(
    dataset: Dataset,
    *,
    minimum: int,
    memory: Path | None = None,
    workers: int | None = None,
    progress: Callable[[int, int], None] | None = None,
) -> dict[int, BadImage]:
    """As `find_broken`, by the samples' indices: what to leave out with `skip_broken`."""
    files = files_of(dataset)
    if files is None:
        verdicts = []
        for index in range(len(dataset)):
            verdicts.append(_look(dataset, index))
            if progress is not None:
                progress(index + 1, len(dataset))
    else:
        verdicts = _remembered(dataset, files, memory, workers, progress)
    broken = {}
    for index, verdict in enumerate(verdicts):
        why = verdict.why or _too_small(verdict, minimum)
        if why:
            broken[index] = BadImage(files[index] if files is not None else dataset.name(index), why)
    return broken


def _remembered(
    dataset: Dataset,
    files: Sequence[Path],
    memory: Path | None,
    workers: int | None,
    progress: Callable[[int, int], None] | None,
) -> list[Verdict]:
    known = _read_memory(memory)
    keys = [_key(path) for path in files]
    todo = [index for index, key in enumerate(keys) if key not in known]
    seen = len(files) - len(todo)
    try:
        with ThreadPoolExecutor(workers or os.cpu_count() or 1) as pool:
            # In chunks, so that an interrupt does not wait for the whole set.
            for start in range(0, len(todo), _CHUNK):
                chunk = todo[start : start + _CHUNK]
                for index, verdict in zip(chunk, pool.map(lambda i: _look(dataset, i), chunk), strict=True):
                    known[keys[index]] = verdict
                seen += len(chunk)
                if progress is not None:
                    progress(seen, len(files))
    finally:
        if memory is not None and todo:
            _write_memory(memory, known)
    return [known[key] for key in keys]


def _look(dataset: Dataset, index: int) -> Verdict:
    try:
        sample = dataset[index]
    except BadImage as bad:
        return Verdict(why=bad.why)
    hr = sample[1] if isinstance(sample, tuple) else sample
    return Verdict(width=hr.shape[1], height=hr.shape[0])


def _too_small(verdict: Verdict, minimum: int) -> str:
    if min(verdict.width, verdict.height) >= minimum:
        return ""
    return f"{verdict.width}x{verdict.height} pixels, smaller than the {minimum}x{minimum} that a patch needs"


def _stamp(path: Path) -> tuple[int, int]:
    try:
        status = path.stat()
    except OSError as error:
        raise BadImage(path, f"cannot be looked at ({error.strerror})") from None
    return status.st_size, status.st_mtime_ns


def _key(path: Path) -> str:
    try:
        size, time = _stamp(path)
    except BadImage:
        size, time = -1, -1  # decoding says what is the matter
    return f"{path}|{size}|{time}"


def _read_memory(memory: Path | None) -> dict[str, Verdict]:
    if memory is None:
        return {}
    try:
        content = json.loads(memory.read_text(encoding="utf-8"))
        if content["version"] != _VERSION:
            return {}
        return {key: Verdict(*verdict) for key, verdict in content["pictures"].items()}
    except (OSError, ValueError, KeyError, TypeError, AttributeError):
        return {}  # it only saves time: without it everything is looked at again


def _write_memory(memory: Path, known: Mapping[str, Verdict]) -> None:
    pictures = {key: [one.width, one.height, one.why] for key, one in known.items()}
    with placed(memory) as aside:
        aside.write_text(json.dumps({"version": _VERSION, "pictures": pictures}, indent=0), encoding="utf-8")
