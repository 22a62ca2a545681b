"""What a report is made of, before any of it is markup."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from srkit.evaluation.bench.entries import Comparison
from srkit.evaluation.curves import RunCurves, Scatter

__all__ = ["Chapter", "Contents", "Kept", "Picture", "Shown", "Subject"]


@dataclass(frozen=True)
class Subject:
    """One run.

    Attributes:
        name: unique in its report.
        state: how far it came, in words.
        experiment: its resolved file as a tree.
        text: the file itself.
        manifest: what it was made with.
        curves: its numbers.
    """

    name: str
    state: str
    experiment: Mapping[str, Any]
    text: str
    manifest: Mapping[str, Any]
    curves: RunCurves


@dataclass(frozen=True)
class Picture:
    """One version of a photo.

    Attributes:
        model: whose; "original" for the photo itself.
        score: its score in words, such as "28.31 dB"; empty for none.
        pixels: uint8 (H, W, 3), the part that is shown.
    """

    model: str
    score: str
    pixels: np.ndarray


@dataclass(frozen=True)
class Shown:
    """One photo in all its versions.

    Attributes:
        name: of the photo in its set.
        size: (width, height) of the whole picture.
        part: (left, top, width, height) that is shown of it; all of it where it is small enough.
        pictures: versions of one size, the original first where there is one.
    """

    name: str
    size: tuple[int, int]
    part: tuple[int, int, int, int]
    pictures: Sequence[Picture]

    @property
    def is_whole(self) -> bool:
        return self.part[2:] == self.size


@dataclass(frozen=True)
class Kept:
    """A strip that a run made when it ended: original, bicubic and its own version side by side.

    Attributes:
        run: whose.
        file: where it lies.
    """

    run: str
    file: Path


@dataclass(frozen=True)
class Chapter:
    """Models that can be compared with each other, on one set of photos.

    Attributes:
        title: the set and the scale.
        comparison: their scores; None where there are none.
        scatters: distortion against perception, where scores tell of both.
        photos: those that are shown.
        of: how many photos the set has; 0 where none can be shown.
        notes: why something is not there.
        strips: what the runs kept, in the place of photos.
    """

    title: str
    comparison: Comparison | None
    scatters: Sequence[Scatter] = ()
    photos: Sequence[Shown] = ()
    of: int = 0
    notes: Sequence[str] = ()
    strips: Sequence[Kept] = ()


@dataclass(frozen=True)
class Contents:
    """A whole report.

    Attributes:
        subjects: the runs, in the order they were named.
        chapters: what can be compared, set by set.
        made: when, by what and on which device, in words.
        notes: what is missing.
        studies: tables over the seeds of studies.
    """

    subjects: Sequence[Subject]
    chapters: Sequence[Chapter]
    made: str = ""
    notes: Sequence[str] = ()
    studies: Sequence[Comparison] = ()
