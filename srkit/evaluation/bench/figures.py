"""Numbers that only a benchmark shows: intervals, multiply-adds, bytes, spreads, names with their mark."""

from __future__ import annotations

from srkit.evaluation.bench.entries import Entry
from srkit.evaluation.figures import clock_figure, gap_figure, score_figure
from srkit.evaluation.rows import MetricMean
from srkit.evaluation.statistics import Difference, too_few
from srkit.printable import printable

SEEN = "†"
"""Behind the name of a model that was trained on a photo of the set."""


def mean_figure(entry: Entry, name: str) -> str:
    """A score, with the seeds' spread behind it where the row stands for several runs: 31.20 ±0.04."""
    metric = entry.row.metrics[name]
    spread = entry.repetition.spreads.get(name) if entry.repetition is not None else None
    return score_figure(metric) + (f" ±{gap_figure(spread, metric)[1:]}" if spread is not None else "")


def repeated_figures(entry: Entry) -> tuple[str, str]:
    """How many runs a row stands for, and how long one took to train, 1:02:03; "-" for a row that is no recipe's."""
    if entry.repetition is None:
        return "-", "-"
    seconds = entry.repetition.training_seconds
    return str(len(entry.repetition.seeds)), "-" if seconds is None else clock_figure(seconds)


def interval_figure(gap: Difference, metric: MetricMean, entry: Entry) -> str:
    """The ends of an interval, +1.80..+2.04, or what there is too little of for one; empty where there is none."""
    if few := few_in(gap, entry):
        return f"too few {few} to say"
    if gap.low is None or gap.high is None:
        return ""
    return f"{gap_figure(gap.low, metric)}..{gap_figure(gap.high, metric)}"


def few_in(gap: Difference, entry: Entry) -> str:
    """What a row's difference was measured on too little of: "images", "seeds", or empty."""
    return too_few(gap, entry.row.images, len(entry.repetition.seeds) if entry.repetition is not None else 0)


def gap_kind(gap: Difference, metric: MetricMean, entry: Entry) -> str:
    """Whether a difference is "better", "worse" or "unsure"; that of what is no model is nobody's merit."""
    if entry.row.is_baseline or not gap.is_certain or few_in(gap, entry):
        return "unsure"
    return "better" if (gap.mean > 0) == metric.higher_is_better else "worse"


def macs_figure(macs: float | None) -> str:
    """Three digits and a unit, 42.7 G; "-" for none or unknown."""
    if not macs:
        return "-"
    for unit, size in (("T", 1e12), ("G", 1e9), ("M", 1e6)):
        if macs >= size * 0.9995:
            return f"{_three(macs / size)} {unit}"
    return f"{_three(macs / 1e3)} k"


def bytes_figure(count: int | None) -> str:
    """Three digits and a unit, 1.25 GB; "-" where unknown."""
    if count is None:
        return "-"
    for unit, size in (("GB", 1e9), ("MB", 1e6)):
        if count >= size * 0.9995:
            return f"{_three(count / size)} {unit}"
    return f"{_three(count / 1e3)} kB"


def spread_figure(spread: float | None) -> str:
    """A share as ±3%; empty without times."""
    return "" if spread is None else f"±{spread:.0%}" if spread >= 0.005 else "±0%"


def model_figure(entry: Entry) -> str:
    """The model's name, marked where it was trained on a photo of the set."""
    name = printable(entry.row.model)
    return f"{name} {SEEN}" if entry.acquaintance.photos else name


def _three(value: float) -> str:
    return f"{value:.{2 if value < 9.995 else 1 if value < 99.95 else 0}f}"
