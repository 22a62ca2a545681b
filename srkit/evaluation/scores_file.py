"""scores.json: rows written so that equal scores give equal bytes, and read again."""

from __future__ import annotations

import json
import math
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import msgspec

from srkit.data.placing import place_bytes
from srkit.errors import SrkitError, UserError
from srkit.evaluation.rows import Row
from srkit.json_files import DAMAGED, read_object
from srkit.printable import as_json

BASELINE = "bicubic"
"""What the row is called that a run is compared with."""

WHAT = "a scores.json of srkit"
REQUIRED = ("model", "set", "scale", "downscaler", "images", "metrics", "per_image")


def rows_to_json(rows: Sequence[Row], extra: Mapping[str, Any] | None = None) -> dict[str, Any]:
    """The object that scores.json and `srkit bench --format json` hold.

    Args:
        rows: in the table's order.
        extra: further keys beside `rows`.

    Raises:
        ValueError: a score is NaN or infinite (an infinite one is None in a `Row`), or `extra` has `rows`.
    """
    if extra and "rows" in extra:
        raise ValueError("extra keys may not replace 'rows'")
    return {"rows": [row_to_json(row) for row in rows], **(extra or {})}


def rows_from_json(payload: Mapping[str, Any]) -> list[Row]:
    """The rows of such an object; keys it does not know are passed over.

    Raises:
        KeyError, TypeError, AttributeError, ValueError: a key of the fixed form is missing or holds something else.
    """
    return [_row_from_json(row) for row in payload["rows"]]


def scores_text(rows: Sequence[Row], extra: Mapping[str, Any] | None = None) -> str:
    """The file's text: indented, keys in a fixed order, no NaN, a newline at the end."""
    return as_json(json.dumps(rows_to_json(rows, extra), indent=2, ensure_ascii=False, allow_nan=False)) + "\n"


def write_scores(path: Path, rows: Sequence[Row], extra: Mapping[str, Any] | None = None) -> None:
    """Write scores.json so that it is there whole or not at all.

    Raises:
        SrkitError: the file cannot be written; an older one is left as it was.
        ValueError: as `rows_to_json`.
    """
    content = scores_text(rows, extra).encode()
    try:
        place_bytes(path, content)
    except OSError as error:
        raise SrkitError(f"{path}: cannot be written: {error.strerror or error}") from error


def read_scores(path: Path) -> list[Row]:
    """The rows of a scores.json.

    Raises:
        UserError: there is no such file, or it does not have the form that srkit writes.
    """
    content = read_object(path, WHAT)
    try:
        rows = rows_from_json(content)
        for row in rows:
            _require_means(row)
        return rows
    except KeyError as error:
        raise UserError(f"{path}: not {WHAT}: the key {error} is missing") from error
    except DAMAGED as error:
        raise UserError(f"{path}: not {WHAT}: {error}") from error


def _require_means(row: Row) -> None:
    """Refuse a row whose means and scores are of different metrics: a name was changed in one place."""
    for photo, scores in row.per_image.items():
        if strange := set(scores) - set(row.metrics):
            raise ValueError(f"{row.model!r} has a score of {min(strange)!r} on {photo!r}, and no mean of it")


def row_to_json(row: Row) -> dict[str, Any]:
    """One row of the fixed form.

    Raises:
        ValueError: a score is NaN or infinite.
    """
    return {
        "model": row.model,
        "set": row.set,
        "scale": row.scale,
        "downscaler": row.downscaler,
        "degradations": list(row.degradations),
        "images": row.images,
        "border": row.border,
        "parameters": row.parameters,
        "metrics": {
            name: {"mean": _finite(metric.mean), "unit": metric.unit, "higher_is_better": metric.higher_is_better}
            | ({"finite": _finite(metric.finite), "left_out": list(metric.left_out)} if metric.left_out else {})
            for name, metric in row.metrics.items()
        },
        "per_image": {
            photo: {name: _finite(value) for name, value in scores.items()} for photo, scores in row.per_image.items()
        },
        "warnings": list(row.warnings),
        "seconds_per_megapixel": row.seconds_per_megapixel,
    }


def _row_from_json(row: Mapping[str, Any]) -> Row:
    known = {**{key: row[key] for key in REQUIRED}, "border": row["scale"], **row}
    found = msgspec.convert(known, Row)
    for value in (
        *(value for metric in found.metrics.values() for value in (metric.mean, metric.finite)),
        *(value for scores in found.per_image.values() for value in scores.values()),
        found.seconds_per_megapixel,
    ):
        _finite(value)
    return replace(found, degradations=tuple(found.degradations), warnings=tuple(found.warnings))


def _finite(value: float | None) -> float | None:
    if value is not None and not math.isfinite(value):
        raise ValueError(f"a score of {value}: an infinite one is None in a row, and NaN is none")
    return value
