"""Pictures that two sets have in common: a photo that was trained with says little when it is judged by."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from srkit.contracts import Dataset
from srkit.data.audit import Verdict, recalled
from srkit.data.cache import files_of, whereabouts
from srkit.data.likeness import near_duplicates_of

__all__ = ["THE_SAME", "Lookalike", "lookalikes", "remembered_lookalikes", "same_files"]

THE_SAME = (
    "the validation pictures are the training pictures: scores say how well these were learnt, not how well others "
    "are enlarged"
)


@dataclass(frozen=True)
class Lookalike:
    """A picture of one set that looks like one of another.

    Attributes:
        picture: the file or name of the picture that is judged by.
        like: the file or name of the nearest one that is trained with.
        distance: bits in which their hashes differ; 0..24.
    """

    picture: str
    like: str
    distance: int


def lookalikes(
    train: Dataset, train_verdicts: Sequence[Verdict], judged: Dataset, judged_verdicts: Sequence[Verdict]
) -> list[Lookalike]:
    """Which pictures of `judged` look like one of `train`; of sets that are the same (`same_files`) all do."""
    mine = [index for index, one in enumerate(train_verdicts) if one.hash]
    theirs = [index for index, one in enumerate(judged_verdicts) if one.hash]
    near = near_duplicates_of([train_verdicts[one].hash for one in mine], [judged_verdicts[one].hash for one in theirs])
    return [
        Lookalike(whereabouts(judged, theirs[one.second]), whereabouts(train, mine[one.first]), one.distance)
        for one in near
    ]


def remembered_lookalikes(train: Dataset, judged: Dataset, memory: Path | None) -> list[Lookalike]:
    """The same from what is remembered of both sets, nothing being decoded; empty where that is not enough."""
    return lookalikes(train, recalled(train, memory), judged, recalled(judged, memory))


def same_files(one: Dataset, other: Dataset) -> bool:
    """Whether two sets are known to be the same pictures."""
    first, second = _samples(one), _samples(other)
    return first is not None and first == second


def _samples(dataset: Dataset) -> set[tuple[Path, str]] | None:
    """What its samples are: files, and names where a file holds several; None where it has no files."""
    files = files_of(dataset)
    if files is None:
        return None
    several = len(set(files)) < len(files)
    return {(path.resolve(), dataset.name(index) if several else "") for index, path in enumerate(files)}
