"""What is said about the data before a run: its fingerprint, and what looking at each picture found."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import astuple, dataclass
from hashlib import sha256
from pathlib import Path
from typing import Any, cast

import numpy as np

from srkit.contracts import Dataset
from srkit.data.cache import files_of, files_of_each, is_mapped, lr_files_of, require_pictures
from srkit.data.decoding import room_to_decode
from srkit.data.digests import FileDigest, noted_digests, sample_digest
from srkit.data.headers import IMAGE_SUFFIXES
from srkit.data.likeness import Hash, perceptual_hash
from srkit.data.placing import placed
from srkit.data.threads import in_threads
from srkit.errors import BadImage, TooLarge, UserError
from srkit.json_files import parsed

_VERSION = 4
_CHUNK = 256  # pictures between two reports of progress
_FLAT = 4.0  # levels of deviation


@dataclass(frozen=True)
class Verdict:
    """What looking at one picture found.

    Attributes:
        width, height: of HR; 0 where it cannot be used.
        why: why it cannot be used.
        path: the file at fault where it is not the sample's own, such as the LR picture of a pair.
        hash: what it looks like (`perceptual_hash` of HR); empty where it was not asked for or the picture is flat.
        pair: what speaks against its LR and HR being a pair; empty where nothing does or it was not asked for.
        lr_width, lr_height: of the LR picture of a pair; 0 where there is none.
        sha256: of the file, taken when it was decoded; where a sample comes from no file, of its pixels.
        lr_sha256: the same of the LR picture of a pair.
        by_limit: whether `why` holds only as long as the limits on sizes stay, and so is not remembered.
    """

    width: int = 0
    height: int = 0
    why: str = ""
    path: str = ""
    hash: Hash = ""
    pair: str = ""
    lr_width: int = 0
    lr_height: int = 0
    sha256: str = ""
    lr_sha256: str = ""
    by_limit: bool = False


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
    lists = [files for files in (files_of(dataset), lr_files_of(dataset)) if files is not None]
    for index in range(len(dataset)):
        stamps = [number for files in lists for number in _stamp(files[index])]
        digest.update(json.dumps([dataset.name(index), *stamps]).encode() + b"\n")
    return digest.hexdigest()


def find_broken_samples(
    dataset: Dataset,
    *,
    minimum: int,
    memory: Path | None = None,
    workers: int | None = None,
    progress: Callable[[int, int], None] | None = None,
    waiting: Callable[[str], None] | None = None,
) -> dict[int, BadImage]:
    """Every picture that does not decode, or whose HR sides are not both at least `minimum` pixels, by its index.

    The other arguments and the errors are those of `look_at`.
    """
    verdicts = look_at(dataset, memory=memory, workers=workers, progress=progress, waiting=waiting)
    return broken_among(dataset, verdicts, minimum)


def look_at(
    dataset: Dataset,
    *,
    closely: bool = False,
    memory: Path | None = None,
    workers: int | None = None,
    progress: Callable[[int, int], None] | None = None,
    waiting: Callable[[str], None] | None = None,
    forgets: Callable[[str], None] | None = None,
) -> list[Verdict]:
    """A verdict on each sample, in the set's order.

    Each sample is read once, through the set itself: with a `Cached` set the pictures are warm afterwards. What was
    found is remembered by path, size and time, also when the search is interrupted, so that the next call reads only
    new and changed files. Sets without `files()` are read one after another, each time. Memory-mapped sets are compared
    with their checksums, once for each state of their files.

    Args:
        dataset: any set.
        closely: compare the two pictures of pairs, and hash those of memory-mapped sets too.
        memory: a JSON file for what was found; None remembers nothing. A damaged one is begun anew.
        workers: threads (decoders run outside Python's lock); by default one a CPU.
        progress: called with (samples seen, samples in all).
        waiting: called with a sample's name each time it is waited for 20 seconds more, as on a drive that has gone;
            not while checksums are compared.
        forgets: called with why `memory` cannot be written, where that only costs the time to look again; without it
            that is an error.

    Raises:
        UserError: `memory` cannot be written.
        BadImage: a memory-mapped set is not what was packed.
    """
    files = files_of(dataset)
    if hasattr(dataset, "verify"):
        verify(dataset, files or (), memory, None if closely else progress, forgets)
        if is_mapped(dataset) and not closely:
            return [Verdict(width, height) for width, height in cast(Any, dataset).sizes()]
    if files is not None:
        return _remembered(dataset, files, closely, memory, workers, progress, waiting, forgets)
    looked: list[Verdict] = []
    for verdict in _looked_at(dataset, range(len(dataset)), 1, closely, waiting):
        looked.append(verdict)
        if progress is not None:
            progress(len(looked), len(dataset))
    return looked


def verify(
    dataset: Any,
    files: Sequence[Path],
    memory: Path | None,
    progress: Callable[[int, int], None] | None = None,
    forgets: Callable[[str], None] | None = None,
) -> None:
    """Compare the memory-mapped parts of a set with their checksums, once for each state of their files.

    Raises:
        UserError: `memory` cannot be written.
        BadImage: a part is not what was packed.
    """
    keys = [f"verified|{_key(path)}" for path in sorted(set(files)) if path.suffix.lower() not in IMAGE_SUFFIXES]
    known = _read_memory(memory)
    if keys and known.keys() >= set(keys):
        return
    dataset.verify(progress)
    if memory is not None:
        _write_memory(memory, known | dict.fromkeys(keys, Verdict()), forgets)


def broken_among(dataset: Dataset, verdicts: Sequence[Verdict], minimum: int) -> dict[int, BadImage]:
    """The samples that do not decode or have an HR side under the `minimum` pixels that a patch needs, by index."""
    files = files_of(dataset)
    broken = {}
    for index, verdict in enumerate(verdicts):
        why = verdict.why or _too_small(verdict, minimum)
        if why:
            own = files[index] if files is not None else dataset.name(index)
            broken[index] = BadImage(verdict.path or own, why)
    return broken


def recalled(dataset: Dataset, memory: Path | None) -> list[Verdict]:
    """What `memory` holds on the samples of a set, nothing being decoded; empty where it does not hold all of them."""
    files = files_of(dataset)
    if files is None or is_mapped(dataset):
        return []
    known = _read_memory(memory)
    keys = _keys(dataset, files, False)
    return [known[key] for key in keys] if known.keys() >= set(keys) else []


def _remembered(
    dataset: Dataset,
    files: Sequence[Path],
    closely: bool,
    memory: Path | None,
    workers: int | None,
    progress: Callable[[int, int], None] | None,
    waiting: Callable[[str], None] | None,
    forgets: Callable[[str], None] | None,
) -> list[Verdict]:
    known = _read_memory(memory)
    keys = _keys(dataset, files, closely)
    todo = [index for index, key in enumerate(keys) if key not in known]
    seen = len(files) - len(todo)
    try:
        for index, verdict in zip(todo, _looked_at(dataset, todo, workers, closely, waiting), strict=True):
            known[keys[index]] = verdict
            seen += 1
            if progress is not None and (seen % _CHUNK == 0 or seen == len(files)):
                progress(seen, len(files))
    finally:
        if memory is not None and todo:
            _write_memory(memory, known, forgets)
    return [known[key] for key in keys]


def _looked_at(
    dataset: Dataset,
    indices: Sequence[int],
    workers: int | None,
    closely: bool,
    waiting: Callable[[str], None] | None,
) -> Iterator[Verdict]:
    named = None if waiting is None else lambda index: waiting(dataset.name(index))
    own = files_of(dataset), lr_files_of(dataset)
    files = files_of_each(dataset)

    def look(index: int) -> Verdict:
        # kept until the sample was looked at, for all that time its images are in memory
        with room_to_decode(*files(index)):
            return _look(dataset, index, closely, own)

    return in_threads(look, indices, workers, named)


def _keys(dataset: Dataset, files: Sequence[Path], closely: bool) -> list[str]:
    keys = [_key(path) for path in files]
    if len(set(files)) < len(files):  # where a file holds several samples, each has a verdict of its own
        keys = [f"{key}|{dataset.name(index)}" for index, key in enumerate(keys)]
    small = lr_files_of(dataset)
    if small is not None:
        compared = "|compared" if closely else ""
        keys = [f"{key}|{_key(path)}{compared}" for key, path in zip(keys, small, strict=True)]
    return keys


_Files = tuple[Sequence[Path] | None, Sequence[Path] | None]
"""The samples' HR files and LR files, where there are any."""


def _look(dataset: Dataset, index: int, closely: bool, files: _Files) -> Verdict:
    own, small_files = files
    try:
        with noted_digests() as noted:
            sample = dataset[index]
    except BadImage as bad:
        elsewhere = own is not None and bad.path != own[index]
        path = str(bad.path) if elsewhere else ""
        return Verdict(why=bad.why, path=path, by_limit=isinstance(bad, TooLarge))
    require_pictures(sample, dataset.name(index))
    lr, hr = sample if isinstance(sample, tuple) else (None, sample)
    pair = ""
    if closely and lr is not None:
        from srkit.data.pairs import pair_problems  # scipy's filters, which a run does not need

        pair = "; ".join(pair_problems(lr, hr))
    small = lr.shape if lr is not None else (0, 0)
    likeness = "" if _is_flat(hr) else perceptual_hash(hr)
    content = _content(own, index, noted, hr)
    small_content = "" if lr is None else _content(small_files, index, noted, lr)
    return Verdict(hr.shape[1], hr.shape[0], "", "", likeness, pair, small[1], small[0], content, small_content)


def _content(files: Sequence[Path] | None, index: int, noted: Mapping[str, FileDigest], image: np.ndarray) -> str:
    """The hash of a sample's file as `decode` met it, empty where the set reads otherwise; of pixels without a file."""
    if files is None:
        return sample_digest(image)
    digest = noted.get(str(files[index]))
    return digest.sha256 if digest is not None else ""


def _is_flat(image: np.ndarray) -> bool:
    """Whether there is nothing to recognize: black frames and clear skies all look alike."""
    down, right = (max(1, side // 64) for side in image.shape[:2])
    return float(image[::down, ::right].std()) < _FLAT


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
        content = parsed(memory.read_text(encoding="utf-8"))
        if content["version"] != _VERSION:
            return {}
        return {key: Verdict(*verdict) for key, verdict in content["pictures"].items()}
    except (OSError, ValueError, KeyError, TypeError, AttributeError):
        return {}  # it only saves time: without it everything is looked at again


def _write_memory(memory: Path, known: Mapping[str, Verdict], forgets: Callable[[str], None] | None) -> None:
    pictures = {key: astuple(one) for key, one in known.items() if not one.by_limit}
    try:
        with placed(memory) as aside:
            aside.write_text(json.dumps({"version": _VERSION, "pictures": pictures}, indent=0), encoding="utf-8")
    except UserError as error:
        if forgets is None:
            raise
        forgets(str(error))
