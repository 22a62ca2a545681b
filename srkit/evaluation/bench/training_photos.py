"""Whether a model was trained on a photo that it is judged by: near-duplicates among its training pictures."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from srkit.contracts import Dataset
from srkit.data.likeness import near_duplicates_of, perceptual_hash
from srkit.errors import FAILURES, SrkitError, in_short
from srkit.evaluation.bench.cache import ScoreCache
from srkit.evaluation.bench.gallery import Gallery, Progress
from srkit.evaluation.bench.workers import spread

__all__ = ["Acquaintance", "TrainingSet", "acquainted", "seen_in_words"]


@dataclass(frozen=True)
class TrainingSet:
    """The pictures a model was trained on.

    Attributes:
        name: in words.
        fingerprint: what tells one set from another; empty where that is unknown, and then nothing is kept.
        open: gives the set, as its experiment describes it.
    """

    name: str
    fingerprint: str
    open: Callable[[], Dataset]


@dataclass(frozen=True)
class Acquaintance:
    """What a model saw of a set while it trained.

    Attributes:
        photos: the set's photo -> the training picture that looks like it.
        unknown: why nobody can tell; empty where it was looked up.
    """

    photos: Mapping[str, str]
    unknown: str = ""


def acquainted(
    training: TrainingSet, gallery: Gallery, cache: ScoreCache, workers: int, progress: Progress
) -> Acquaintance:
    """Look for a set's photos among a model's training pictures.

    Pictures are compared by perceptual hashes: a copy that was shrunk, compressed or brightened is found, one that was
    mirrored or cut into patches is not.
    """
    try:
        known = _hashes(training, cache, workers, progress)
    except SrkitError as error:
        return Acquaintance({}, str(error))
    except FAILURES as error:
        # Whatever a dataset of somebody else's raises: scores stand without this, and the row says that it is open.
        return Acquaintance({}, in_short(error))
    names, hashes = list(known), [known[name] for name in known]
    found = near_duplicates_of(hashes, [photo.likeness for photo in gallery.photos])
    return Acquaintance({gallery.photos[one.second].name: names[one.first] for one in found})


def _hashes(training: TrainingSet, cache: ScoreCache, workers: int, progress: Progress) -> dict[str, str]:
    """Training pictures' hashes by name, computed once for each set of pictures."""
    key = hashlib.sha256(training.fingerprint.encode()).hexdigest()
    known: Any = cache.document("likeness", key) if training.fingerprint else None
    if isinstance(known, dict):
        return known
    dataset = training.open()
    found = {}
    for name, likeness in spread(_hash_of(dataset), range(len(dataset)), workers):
        found[name] = likeness
        progress(f"looking at {training.name} for photos of the set", len(found), len(dataset))
    if training.fingerprint:
        cache.keep_document("likeness", key, found)
    return found


def _hash_of(dataset: Dataset) -> Callable[[int], tuple[str, str]]:
    def one(index: int) -> tuple[str, str]:
        sample = dataset[index]
        return dataset.name(index), perceptual_hash(sample[1] if isinstance(sample, tuple) else sample)

    return one


def seen_in_words(photos: Mapping[str, str], most: int = 3) -> str:
    """The first few pairs, as a table's note has them.

    >>> seen_in_words({"a.png": "a.png", "b.png": "12/x.png"})
    'a.png, b.png (as 12/x.png)'
    """
    pairs: Sequence[str] = [photo if photo == other else f"{photo} (as {other})" for photo, other in photos.items()]
    more = f" and {len(pairs) - most} more" if len(pairs) > most else ""
    return ", ".join(pairs[:most]) + more
