"""Scores photo by photo, the worst first: where a look at the pictures pays."""

from __future__ import annotations

import math
from collections.abc import Sequence

from rich import box
from rich.table import Table
from rich.text import Text

from srkit.evaluation.bench.entries import Comparison
from srkit.evaluation.figures import score_figure
from srkit.evaluation.rows import MetricMean, Row
from srkit.printable import printable

__all__ = ["per_image_grid", "per_image_tables", "worst_first", "worst_note"]

MODELS_BESIDE = 4
"""Models side by side in 80 columns; further ones go into another table."""


def worst_first(row: Row) -> list[str]:
    """A row's photos by its first metric, the worst first; equal ones by name."""
    if not row.metrics:
        return sorted(row.per_image)
    name, metric = next(iter(row.metrics.items()))
    return sorted(row.per_image, key=lambda photo: (_goodness(row.per_image[photo][name], metric), photo))


def photos_in_order(comparison: Comparison) -> list[str]:
    """All photos, those first where a model loses most against the reference; of one row alone by its scores."""
    rows = [entry.row for entry in comparison.entries]
    reference = next((row for row in rows if row.model == comparison.against), None)
    if reference is None:
        return worst_first(rows[0])
    name, metric = next(iter(reference.metrics.items()))

    def loss(photo: str) -> tuple[float, str]:
        base = _goodness(reference.per_image[photo][name], metric)
        gaps = [_goodness(row.per_image[photo][name], metric) - base for row in rows if row is not reference]
        return (min((one for one in gaps if not math.isnan(one)), default=math.inf), photo)

    return sorted(reference.per_image, key=loss)


def per_image_grid(comparison: Comparison) -> tuple[list[str], list[list[str]]]:
    """The first metric's values: headings, and a line a photo."""
    rows = [entry.row for entry in comparison.entries]
    name, metric = next(iter(rows[0].metrics.items()))
    headings = [f"{name.upper()} by image", *(row.model for row in rows)]
    return headings, [
        [photo, *(_figure(row.per_image[photo][name], metric) for row in rows)] for photo in photos_in_order(comparison)
    ]


def per_image_tables(comparison: Comparison) -> list[Table]:
    """The same for a terminal, a few models beside each other."""
    headings, lines = per_image_grid(comparison)
    tables = []
    for start in range(1, len(headings), MODELS_BESIDE):
        chosen = [0, *range(start, min(start + MODELS_BESIDE, len(headings)))]
        table = Table(box=box.SIMPLE_HEAD, show_edge=False, pad_edge=False, padding=(0, 2, 0, 0))
        for place in chosen:
            heading = Text(printable(headings[place]))
            table.add_column(heading, justify="left" if place == 0 else "right", overflow="fold")
        for line in lines:
            table.add_row(*(Text(printable(line[place])) for place in chosen))
        tables.append(table)
    return tables


def worst_note(comparison: Comparison) -> str:
    """What comes first in the order of photos."""
    others: Sequence[str] = [one.row.model for one in comparison.entries if one.row.model != comparison.against]
    if not comparison.against:
        return "worst photos first"
    models = " or ".join(others) if len(others) < 4 else "a model"
    return f"first the photos on which {models} gains least over {comparison.against}"


def _figure(value: float | None, metric: MetricMean) -> str:
    return score_figure(MetricMean(value, metric.unit, metric.higher_is_better))


def _goodness(value: float | None, metric: MetricMean) -> float:
    number = math.inf if value is None else value
    return number if metric.higher_is_better else -number
