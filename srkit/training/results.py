"""`results.json`: what a run came to, as hashes that a copy of it can be held against; and the data's files beside."""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from srkit.data.contents import DataFile
from srkit.data.digests import digest_of
from srkit.data.placing import place_bytes
from srkit.errors import BadImage, UserError
from srkit.experiment.resolved import CODE_FOLDER
from srkit.json_files import DAMAGED, parsed
from srkit.plain_files import plain_bytes, plain_text
from srkit.registry.code import code_digest
from srkit.training.checkpoint import TENSORS_FILE, checkpoints, outline, step_of

__all__ = [
    "RESULTS",
    "Results",
    "code_of",
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

_FORMAT = 1
_SHA256 = re.compile(r"[0-9a-f]{64}")

NOT_COMPARED = ("warnings", "seconds_per_megapixel")
"""What a row of scores says of the machine and of the way there; all else in it is a result."""

OWN = "run"
"""What a run's own row is called here, whatever its folder is called."""


@dataclass(frozen=True)
class Results:
    """What a run came to.

    Attributes:
        step: the last one.
        experiment: the hash of the experiment.
        weights: of each file of weights in the last checkpoint, by role.
        scores: of the final table; None where nothing judged the run.
        code: of the run's copies of own code; None where it has none.
        data: of each file by its relative name, by role.
        changed: files that were changed while the run went on, such as "train: a.png"; `data` has what was seen first.
    """

    step: int
    experiment: str
    weights: Mapping[str, str]
    scores: str | None
    code: str | None
    data: Mapping[str, Mapping[str, str]]
    changed: Sequence[str] = field(default_factory=tuple)


def write_results(
    run: Path,
    *,
    step: int,
    experiment: str,
    data: Mapping[str, Sequence[DataFile]],
    baseline: str,
    judged: bool = True,
    changed: Sequence[str] = (),
) -> None:
    """Write `results.json`. Nothing in it depends on when, where and how fast the run was made.

    Args:
        run: the run folder, with its last checkpoint and `scores.json` where it was judged.
        step: its last.
        experiment: the hash of the experiment.
        data: the files of each role.
        baseline: the name of the row that is not the run's own.
        judged: whether `scores.json` is of this run's end.
        changed: files that were changed meanwhile.

    Raises:
        OSError: the disk is full or the folder read-only.
    """
    content: dict[str, Any] = {
        "format": _FORMAT,
        "step": step,
        "experiment": experiment,
        "weights": weights_of(run),
        "scores": scores_digest(run, baseline) if judged else None,
        "code": code_of(run),
        "data": {role: {one.name: one.sha256 for one in files} for role, files in data.items()},
    }
    if changed:
        content["changed"] = sorted(changed)
    place_bytes(run / RESULTS, (json.dumps(content, indent=1, sort_keys=True) + "\n").encode())


def read_results(run: Path) -> Results:
    """What `results.json` says.

    Raises:
        UserError: there is none, or it is damaged.
    """
    path = run / RESULTS
    if not path.is_file():  # a named pipe would be waited for
        raise UserError(f"{run} has no {RESULTS}: it is no run, has not ended, or ended before there was one")
    try:
        content = parsed(plain_bytes(path))
        if content["format"] != _FORMAT:
            raise ValueError(f"it has format {content['format']!r}, and this srkit reads {_FORMAT}")
        return Results(
            step=int(content["step"]),
            experiment=_hash(content["experiment"]),
            weights=_hashes(content["weights"]),
            scores=None if content["scores"] is None else _hash(content["scores"]),
            code=None if content["code"] is None else _hash(content["code"]),
            data={str(role): _hashes(files) for role, files in content["data"].items()},
            changed=[str(one) for one in content.get("changed", [])],
        )
    except (OSError, *DAMAGED) as error:
        why = f"{type(error).__name__}: {error}"
        raise UserError(f"{path} cannot be read ({why}); without it there is nothing to compare with") from None


def _hash(value: Any) -> str:
    if not isinstance(value, str) or not _SHA256.fullmatch(value):
        raise ValueError(f"{value!r} is no SHA-256")
    return value


def _hashes(table: Any) -> dict[str, str]:
    return {str(name): _hash(value) for name, value in table.items()}


def short_hash(run: Path) -> str:
    """The first digits of the SHA-256 of `results.json`, for papers; empty where there is none."""
    try:
        return digest_of(run / RESULTS).sha256[:SHORT]
    except BadImage:
        return ""


def weights_of(run: Path) -> dict[str, str]:
    """The SHA-256 of each file of weights in the last checkpoint, as they lie there."""
    found = checkpoints(run / "checkpoints")
    if not found:
        return {}
    files = sorted(one for one in found[-1].glob("*.safetensors") if one.name != TENSORS_FILE and one.is_file())
    return {one.stem: digest_of(one).sha256 for one in files}


def newest_damage(run: Path) -> str:
    """What is wrong with the last checkpoint, which every command then passes over; empty where it is whole."""
    found = checkpoints(run / "checkpoints")
    try:
        if found:
            outline(found[-1])
    except UserError as error:
        return str(error)
    return ""


def last_step(run: Path) -> int | None:
    """The step of the last checkpoint."""
    found = checkpoints(run / "checkpoints")
    return step_of(found[-1]) if found else None


def scores_digest(run: Path, baseline: str) -> str | None:
    """The SHA-256 of the scores of the run and of the baseline, image by image; None where it was not judged.

    Raises:
        UserError: the scores are damaged.
    """
    path = run / "scores.json"
    if not path.is_file():
        return None
    try:
        rows = parsed(plain_text(path))["rows"]
        kept = [{key: value for key, value in row.items() if key not in NOT_COMPARED} for row in rows]
        named = [row | {"model": baseline if row["model"] == baseline else OWN} for row in kept]
    except (OSError, *DAMAGED) as error:
        raise UserError(f"{path} cannot be read: {type(error).__name__}: {error}") from None
    return hashlib.sha256(json.dumps(named, sort_keys=True).encode()).hexdigest()


def code_of(run: Path) -> str | None:
    """The hash of the run's copies of own code; None where it has none."""
    folder = run / CODE_FOLDER
    return code_digest(folder) if folder.is_dir() else None
