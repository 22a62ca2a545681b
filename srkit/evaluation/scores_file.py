"""scores.json: rows written so that equal scores give equal bytes, and read again."""

from __future__ import annotations

import json
import math
import os
from collections.abc import Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any

from srkit.errors import SrkitError, UserError
from srkit.evaluation.rows import MetricMean, Row
from srkit.printable import as_json

BASELINE = "bicubic"
"""What the row is called that a run is compared with."""


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
    text = scores_text(rows, extra)
    aside = path.with_name(f".{path.name}.{os.getpid()}.tmp")
    try:
        try:
            with aside.open("w", encoding="utf-8", newline="\n") as file:
                file.write(text)
                file.flush()
                os.fsync(file.fileno())
            aside.replace(path)
        finally:
            with suppress(OSError):  # the reason why writing failed is the one to tell
                aside.unlink(missing_ok=True)
    except OSError as error:
        raise SrkitError(f"{path}: cannot be written: {error.strerror or error}") from error


def read_scores(path: Path) -> list[Row]:
    """The rows of a scores.json.

    Raises:
        UserError: there is no such file, or it does not have the form that srkit writes.
    """
    try:
        return rows_from_json(json.loads(path.read_text(encoding="utf-8")))
    except OSError as error:
        raise UserError(f"{path}: cannot be read: {error.strerror or error}") from error
    except KeyError as error:
        raise UserError(f"{path}: not a scores.json of srkit: the key {error} is missing") from error
    except (ValueError, TypeError, AttributeError) as error:
        raise UserError(f"{path}: not a scores.json of srkit: {error}") from error


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
            for name, metric in row.metrics.items()
        },
        "per_image": {
            photo: {name: _finite(value) for name, value in scores.items()} for photo, scores in row.per_image.items()
        },
        "warnings": list(row.warnings),
        "seconds_per_megapixel": row.seconds_per_megapixel,
    }


def _row_from_json(row: Mapping[str, Any]) -> Row:
    return Row(
        model=row["model"],
        set=row["set"],
        scale=row["scale"],
        downscaler=row["downscaler"],
        images=row["images"],
        metrics={
            name: MetricMean(metric["mean"], metric["unit"], metric["higher_is_better"])
            for name, metric in row["metrics"].items()
        },
        per_image={photo: dict(scores) for photo, scores in row["per_image"].items()},
        degradations=tuple(row.get("degradations", ())),
        border=row.get("border", row["scale"]),
        parameters=row.get("parameters", 0),
        seconds_per_megapixel=row.get("seconds_per_megapixel"),
        warnings=tuple(row.get("warnings", ())),
    )


def _finite(value: float | None) -> float | None:
    if value is not None and not math.isfinite(value):
        raise ValueError(f"a score of {value}: an infinite one is None in a row, and NaN is none")
    return value
