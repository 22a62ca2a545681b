"""How far a run is, read from its folder while another process trains it."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import tomli

from srkit.json_files import parsed
from srkit.plain_files import open_plain, plain_text
from srkit.training.checkpoint import checkpoints, step_of

__all__ = ["Glance", "glance", "last_lines"]

END = 16 * 1024
"""Bytes at a file's end that hold its last lines."""

FAR_OFF = 1e12
"""No time in seconds is as large, and no step."""


@dataclass(frozen=True)
class Glance:
    """How far a run is.

    Attributes:
        step: the last one that was logged, or that a checkpoint has.
        total: its length; 0 where that is not known yet.
        seconds_left: by the time between its last two log steps; None where there are none yet.
    """

    step: int = 0
    total: int = 0
    seconds_left: float | None = None


def glance(folder: Path) -> Glance:
    """Look at a run's folder, which may not be there yet; what is just being written is passed over."""
    total = _total(folder / "experiment.toml")
    logged = [one for one in last_lines(folder / "metrics.jsonl") if _is_step(one.get("step"))]
    saved = max(map(step_of, checkpoints(folder / "checkpoints")), default=0)
    if not logged:
        return Glance(saved, total)
    step = max(saved, logged[-1]["step"])
    left = None
    if len(logged) > 1 and total:
        steps = logged[-1]["step"] - logged[-2]["step"]
        seconds = _time(logged[-1]) - _time(logged[-2])
        left = seconds / steps * (total - step) if steps > 0 and seconds > 0 else None
    return Glance(step, total, left)


def _is_step(value: Any) -> bool:
    return isinstance(value, int) and 0 <= value < FAR_OFF


def _time(line: dict[str, Any]) -> float:
    time = line.get("time", 0)
    return float(time) if isinstance(time, (int, float)) and abs(time) < FAR_OFF else 0.0


def last_lines(path: Path) -> list[dict[str, Any]]:
    """The objects of a file's last lines; none where it is not there."""
    try:
        with open_plain(path) as file:
            file.seek(0, 2)
            file.seek(max(0, file.tell() - END))
            lines = file.read().splitlines()
    except OSError:
        return []
    found = []
    for line in lines:
        try:
            value = parsed(line)
        except ValueError:
            continue  # cut at either end
        if isinstance(value, dict):
            found.append(value)
    return found


def _total(experiment: Path) -> int:
    try:
        steps = tomli.loads(plain_text(experiment)).get("steps", 0)
    except (OSError, ValueError, RecursionError):
        return 0
    return steps if _is_step(steps) else 0
