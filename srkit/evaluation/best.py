"""Which model is best, where that is beyond doubt."""

from __future__ import annotations

import math
from collections.abc import Sequence

from srkit.evaluation.rows import MetricMean, Row
from srkit.evaluation.statistics import BEST_NEEDS_IMAGES, paired_differences

__all__ = ["best_by_metric", "values_of"]


def best_by_metric(rows: Sequence[Row]) -> dict[str, str]:
    """The model that is better than every other one by more than chance would make it, by metric.

    That is: each of its paired differences has a 95% interval on the better side of zero. On fewer than
    `BEST_NEEDS_IMAGES` images nobody is, nor where a row lacks the metric.
    """
    found: dict[str, str] = {}
    if len(rows) < 2:
        return found
    for name in rows[0].metrics:
        if any(name not in row.metrics or len(values_of(row, name)) < BEST_NEEDS_IMAGES for row in rows):
            continue
        first = max(rows, key=lambda row: _goodness(row.metrics[name]))
        others = [values_of(row, name) for row in rows if row is not first]
        sign = 1 if first.metrics[name].higher_is_better else -1
        # from the others' side: each of them is certainly worse
        gaps = paired_differences(others, values_of(first, name))
        if all(gap is not None and gap.is_certain and sign * gap.mean < 0 for gap in gaps):
            found[name] = first.model
    return found


def values_of(row: Row, metric: str) -> list[float | None]:
    """A row's values of one metric, by the photos' names in order, without those left out; None where infinite."""
    left_out = row.metrics[metric].left_out if metric in row.metrics else ()
    return [row.per_image[photo].get(metric) for photo in sorted(row.per_image) if photo not in left_out]


def _goodness(metric: MetricMean) -> float:
    mean = math.inf if metric.shown is None else metric.shown
    return mean if metric.higher_is_better else -mean
