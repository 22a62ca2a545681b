"""A metric that is infinite on some images: its means over the other ones, which are the same for a whole table."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import replace

from srkit.evaluation.rows import MetricMean, Row

__all__ = ["infinite_notes", "with_finite_means"]

SHOWN = 5
"""Images that a note names; of more it says how many."""


def with_finite_means(rows: Sequence[Row]) -> list[Row]:
    """The rows of one table; where a metric is infinite on some images for some row, with its means over the others.

    One flat image that everybody reproduces makes the mean PSNR of every row infinite. A row that is infinite on all
    images (the originals themselves) keeps its infinite mean, and leaves no image out for the others.

    Args:
        rows: of the same images.
    """
    left_out = {name: _left_out(rows, name) for name in dict.fromkeys(name for row in rows for name in row.metrics)}
    return [replace(row, metrics={name: _over(row, name, left_out[name]) for name in row.metrics}) for row in rows]


def infinite_notes(rows: Sequence[Row]) -> list[str]:
    """A sentence for each metric of which images were left out, that names them.

    Args:
        rows: as `with_finite_means` gives them.
    """
    notes = []
    for name in dict.fromkeys(name for row in rows for name in row.metrics):
        images = next((row.metrics[name].left_out for row in rows if name in row.metrics), ())
        if images:
            rest = next(len(row.per_image) for row in rows if name in row.metrics) - len(images)
            over = f"the other {rest} images" if rest > 1 else "the other image"
            where = named(_with_models(rows, name, images))
            notes.append(f"{name.upper()} is infinite on {where}: means and differences are over {over}")
    return notes


def named(names: Sequence[str]) -> str:
    """Names in a sentence, the first `SHOWN` of them."""
    more = f" and {len(names) - SHOWN} more" if len(names) > SHOWN else ""
    return ", ".join(names[:SHOWN]) + more


def _left_out(rows: Sequence[Row], metric: str) -> tuple[str, ...]:
    """The images on which a row is infinite that is finite on others; none where no image would be left."""
    having = [row for row in rows if metric in row.metrics]
    counted = [row for row in having if any(_is_finite(row, metric, one) for one in row.per_image)]
    images = sorted({image for row in counted for image in row.per_image})
    infinite = [one for one in images if not all(_is_finite(row, metric, one) for row in counted)]
    return tuple(infinite) if len(infinite) < len(images) else ()


def _is_finite(row: Row, metric: str, image: str) -> bool:
    return row.per_image.get(image, {}).get(metric) is not None


def _over(row: Row, metric: str, left_out: Sequence[str]) -> MetricMean:
    rest = [values.get(metric) for image, values in row.per_image.items() if image not in left_out]
    known = [one for one in rest if one is not None]
    finite = math.fsum(known) / len(known) if left_out and len(known) == len(rest) else None
    return replace(row.metrics[metric], finite=finite, left_out=tuple(left_out))


def _with_models(rows: Sequence[Row], metric: str, images: Sequence[str]) -> list[str]:
    """Each image, and for whom it is infinite where that is not everybody."""
    found = []
    for image in images:
        models = [row.model for row in rows if metric in row.metrics and not _is_finite(row, metric, image)]
        found.append(image if len(models) == len(rows) else f"{image} ({', '.join(models)})")
    return found
