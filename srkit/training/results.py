"""`results.json`: what a run came to, as hashes that a copy of it can be held against; and the data's files beside."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from srkit.data.contents import DataFile
from srkit.data.placing import place_bytes
from srkit.errors import UserError
from srkit.experiment.resolved import CODE_FOLDER
from srkit.registry.code import code_digest
from srkit.training.checkpoint import checkpoints, step_of

__all__ = [
    "RESULTS",
    "code_of",
    "data_digest",
    "last_step",
    "read_results",
    "scores_digest",
    "short_hash",
    "weights_of",
    "write_results",
]

RESULTS = "results.json"
SHORT = 12
"""Digits of the hash that stands under a table."""

JUDGED = ("set", "scale", "downscaler", "degradations", "images", "border", "metrics", "per_image")
"""What of a row of scores is a result; times, warnings and the row's name are not."""


def write_results(
    run: Path, *, step: int, experiment: str, data: Mapping[str, Sequence[DataFile]], baseline: str
) -> None:
    """Write `results.json`. Nothing in it depends on when, where and how fast the run was made.

    Args:
        run: the run folder, with its last checkpoint and `scores.json` where it was judged.
        step: its last.
        experiment: the hash of the experiment.
        data: the files of each role.
        baseline: the name of the row that is not the run's own.

    Raises:
        OSError: the disk is full or the folder read-only.
    """
    content = {
        "format": 1,
        "step": step,
        "experiment": experiment,
        "weights": weights_of(run),
        "scores": scores_digest(run, baseline),
        "code": code_of(run),
        "data": {role: data_digest(files) for role, files in data.items()},
    }
    place_bytes(run / RESULTS, (json.dumps(content, indent=1, sort_keys=True) + "\n").encode())


def read_results(run: Path) -> dict[str, Any]:
    """What `results.json` says.

    Raises:
        UserError: there is none, or it is damaged.
    """
    path = run / RESULTS
    try:
        content = json.loads(path.read_text(encoding="utf-8"))
        content["step"], content["experiment"], content["scores"], content["code"]
        dict(content["weights"]), dict(content["data"])
    except FileNotFoundError:
        raise UserError(f"{run} has no {RESULTS}: it is no run, has not ended, or ended before there was one") from None
    except (OSError, ValueError, KeyError, TypeError, RecursionError) as error:
        raise UserError(f"{path} cannot be read ({error}); without it there is nothing to compare with") from None
    return dict(content)


def short_hash(run: Path) -> str:
    """The first digits of the SHA-256 of `results.json`, for papers; empty where there is none."""
    try:
        return hashlib.sha256((run / RESULTS).read_bytes()).hexdigest()[:SHORT]
    except OSError:
        return ""


def weights_of(run: Path) -> dict[str, str]:
    """The SHA-256 of each file of weights in the last checkpoint, as they lie there."""
    found = checkpoints(run / "checkpoints")
    if not found:
        return {}
    files = sorted(one for one in found[-1].glob("*.safetensors") if one.stem != "state")
    return {one.stem: _file_digest(one) for one in files}


def last_step(run: Path) -> int | None:
    """The step of the last checkpoint."""
    found = checkpoints(run / "checkpoints")
    return step_of(found[-1]) if found else None


def scores_digest(run: Path, baseline: str) -> str | None:
    """The SHA-256 of the run's own scores, image by image; None where it was not judged.

    Raises:
        UserError: the scores are damaged.
    """
    path = run / "scores.json"
    if not path.is_file():
        return None
    try:
        rows = [row for row in json.loads(path.read_text(encoding="utf-8"))["rows"] if row["model"] != baseline]
        kept = [{key: row[key] for key in JUDGED} for row in rows]
    except (OSError, ValueError, KeyError, TypeError, RecursionError) as error:
        raise UserError(f"{path} cannot be read: {error}") from None
    return _digest(kept)


def code_of(run: Path) -> str | None:
    """The hash of the run's copies of own code; None where it has none."""
    folder = run / CODE_FOLDER
    return code_digest(folder) if folder.is_dir() else None


def data_digest(files: Sequence[DataFile]) -> str:
    """One hash of a set's files, by their relative names."""
    return _digest(sorted([one.name, one.sha256] for one in files))


def _digest(content: Any) -> str:
    return hashlib.sha256(json.dumps(content, sort_keys=True).encode()).hexdigest()


def _file_digest(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
