"""metrics.jsonl and validation.jsonl: one JSON object a line; lines after the checkpoint one goes on
from, by a resume or a rollback, are taken back."""

from __future__ import annotations

import json
import math
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from srkit.data.placing import place_bytes
from srkit.errors import UserError
from srkit.hooks import hookimpl
from srkit.json_files import parsed
from srkit.links import open_no_follow, text_no_follow
from srkit.training.run import Run

METRICS, VALIDATION = "metrics.jsonl", "validation.jsonl"


class MetricsFile:
    """Writes the numbers of a run beside it; first of all plugins, so that none that fails costs a line."""

    @hookimpl(tryfirst=True)
    def srkit_run_start(self, run: Run) -> None:
        _take_back(run)

    @hookimpl(tryfirst=True)
    def srkit_rolled_back(self, run: Run) -> None:
        _take_back(run)

    @hookimpl(tryfirst=True)
    def srkit_step_end(self, run: Run, step: int, metrics: Mapping[str, Any] | None) -> None:
        if metrics is not None:
            rates = {"lr": metrics["lr"]["generator"]}
            rates |= {f"lr_{role}": rate for role, rate in metrics["lr"].items() if role != "generator"}
            rest = {key: value for key, value in metrics.items() if key != "lr"}
            append(run.folder / METRICS, {"step": step, "time": round(time.time(), 3), **rates, **rest})

    @hookimpl(tryfirst=True)
    def srkit_validation_end(self, run: Run, step: int, scores: Mapping[str, float]) -> None:
        append(run.folder / VALIDATION, {"step": step, **scores})


def _take_back(run: Run) -> None:
    for name in (METRICS, VALIDATION):
        keep_until(run.folder / name, run.step)


def append(path: Path, record: Mapping[str, Any]) -> None:
    """Add one line; what is infinite, or not a number (a gradient that overflowed), is null."""
    finite = {
        key: None if isinstance(value, float) and not math.isfinite(value) else value for key, value in record.items()
    }
    with open_no_follow(path, "a", encoding="utf-8") as file:
        file.write(json.dumps(finite) + "\n")


def keep_until(path: Path, step: int) -> None:
    """Drop the lines of later steps, and a last line that was cut.

    Raises:
        UserError: it is a link, or holds something else than such lines.
    """
    try:
        text = text_no_follow(path)
    except FileNotFoundError:
        return
    except UnicodeDecodeError as error:
        raise UserError(f"{path} cannot be read: {error}") from None
    kept = []
    for number, line in enumerate(text.splitlines(), start=1):
        try:
            record = parsed(line)
        except ValueError:
            continue
        if not isinstance(record, dict) or not isinstance(record.get("step"), int):
            raise UserError(f"{path}:{number}: not a line that srkit writes (a JSON object with a step)")
        if record["step"] <= step:
            kept.append(line + "\n")
    place_bytes(path, "".join(kept).encode())
