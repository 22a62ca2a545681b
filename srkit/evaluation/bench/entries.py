"""A finished table: its rows with what they cost and how sure their differences are."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace

from srkit.evaluation.bench.training_photos import Acquaintance
from srkit.evaluation.best import best_by_metric, values_of
from srkit.evaluation.finite import with_finite_means
from srkit.evaluation.rows import Row
from srkit.evaluation.statistics import Difference, paired_differences

__all__ = ["MEASURED", "RECORDED", "Comparison", "Entry", "LeftOut", "Repetition", "compare"]


MEASURED, RECORDED = "measured here", "as recorded"


@dataclass(frozen=True)
class Repetition:
    """What a row has that stands for several runs of one recipe: its scores are means over their seeds.

    Attributes:
        seeds: of the runs.
        means: each run's score by metric, in the order of the seeds; None where it is infinite.
        spreads: their standard deviation by metric; None where there is one seed, or a score is infinite.
        training_seconds: what a run took, on average; None where unknown.
    """

    seeds: tuple[int, ...]
    means: Mapping[str, tuple[float | None, ...]]
    spreads: Mapping[str, float | None]
    training_seconds: float | None = None


@dataclass(frozen=True)
class LeftOut:
    """Why a metric is not in the table.

    Attributes:
        images: all that are too small for it, each with its size.
        why: the metric's own words.
    """

    images: tuple[str, ...]
    why: str


@dataclass(frozen=True)
class Entry:
    """One model on one set.

    Attributes:
        row: its scores.
        macs_per_megapixel: multiply-adds for a megapixel of SR; None where unknown.
        peak_memory: bytes for the set's largest photo; None where unknown.
        time_spread: half the distance between the quartiles of its times, as a share of the median; None without times.
        trained_on: what it was trained on, in words; empty for a model that was not, "unknown" where nobody knows.
        acquaintance: what it saw of the set while it trained.
        differences: from the table's reference, by metric; None for one that cannot be told.
        repetition: where the row stands for several runs.
        left_out: metrics that some images of the set are too small for, each with a sentence and with all the images.
    """

    row: Row
    macs_per_megapixel: float | None = None
    peak_memory: int | None = None
    time_spread: float | None = None
    trained_on: str = ""
    acquaintance: Acquaintance = field(default_factory=lambda: Acquaintance({}))
    differences: Mapping[str, Difference | None] = field(default_factory=dict)
    repetition: Repetition | None = None
    left_out: Mapping[str, LeftOut] = field(default_factory=dict)


@dataclass(frozen=True)
class Comparison:
    """A table of models that were judged alike.

    Attributes:
        entries: in order.
        against: the reference's name; empty where there is one row alone.
        best: the best model by metric, where that is beyond doubt.
        method: what kind of intervals the differences have; empty for paired ones over images.
        remarks: further notes, a sentence each.
        origin: "measured here", or "as recorded" where the scores are those that the runs wrote down.
        results: the short hash of each run's `results.json`, by its name.
    """

    entries: Sequence[Entry]
    against: str
    best: Mapping[str, str]
    method: str = ""
    remarks: Sequence[str] = ()
    origin: str = MEASURED
    results: Mapping[str, str] = field(default_factory=dict)

    @property
    def metrics(self) -> list[str]:
        """The scores, in order."""
        return list(dict.fromkeys(name for entry in self.entries for name in entry.row.metrics))


def compare(entries: Sequence[Entry], against: str | None = None) -> Comparison:
    """Fill in differences and who is best.

    Args:
        entries: of one set and protocol.
        against: the reference's name; the first row's by default.

    Raises:
        ValueError: no entries, rows that were not measured alike, or no such reference.
    """
    if len({entry.row.protocol() for entry in entries}) != 1:
        raise ValueError("a table is made of rows that were measured on the same images in the same way")
    reference = next((one for one in entries if against in (None, one.row.model)), None)
    if reference is None:
        raise ValueError(f"no row is called {against!r}")
    rows = with_finite_means([entry.row for entry in entries])
    place = entries.index(reference)
    entries = [replace(entry, row=row) for entry, row in zip(entries, rows, strict=True)]
    reference = entries[place]
    metrics = list(reference.row.metrics)
    gaps: dict[str, list[Difference | None]] = {
        name: paired_differences([values_of(one.row, name) for one in entries], values_of(reference.row, name))
        for name in metrics
    }
    filled = [
        replace(entry, differences={} if entry is reference else {name: gaps[name][place] for name in metrics})
        for place, entry in enumerate(entries)
    ]
    name = reference.row.model if len(entries) > 1 else ""
    return Comparison(filled, name, best_by_metric(rows))
