"""What a run was validated on, from its own files: only scores of the same images, made small alike, share axes."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from srkit.errors import UserError
from srkit.evaluation.rows import BASELINES, Row
from srkit.experiment.written import read_written
from srkit.json_files import read_object

__all__ = ["ValidatedOn", "groups", "validated_on"]


@dataclass(frozen=True)
class ValidatedOn:
    """A validation set and how its LR images were made.

    Attributes:
        name: what the set is called; empty where the files do not tell.
        scale: SR pixels an LR pixel; 0 where they do not tell.
        conditions: how LR images are made and which of the images are taken, as text to compare.
        images: digests that name the images: two sets with one in common are the same.
        baseline: the baseline's name and its means by metric; empty before the run was judged.
    """

    name: str = ""
    scale: int = 0
    conditions: str = ""
    images: frozenset[str] = frozenset()
    baseline: tuple[str, Mapping[str, float]] = ("", {})

    def is_same(self, other: ValidatedOn) -> bool:
        """Whether scores may be compared."""
        if (self.scale, self.conditions) != (other.scale, other.conditions):
            return False
        return bool(self.images & other.images) or (not self.images and not other.images and self.name == other.name)


def validated_on(run: Path, rows: Sequence[Row] = ()) -> ValidatedOn:
    """Read what a run's files say of its validation set; a file that is absent or damaged says nothing.

    Args:
        run: its folder.
        rows: its scores, where there are any.
    """
    experiment = _read(lambda: read_written(run / "experiment.toml"))
    data = _table(_table(experiment, "data"), "validate")
    made = {key: experiment.get(key) for key in ("downscaler", "degradation", "lr_pipeline")}
    made["images"] = _table(experiment, "validation").get("images")
    scale = experiment.get("scale")
    return ValidatedOn(
        name=next((row.set for row in rows), None) or _named(data),
        scale=scale if isinstance(scale, int) else 0,
        conditions=json.dumps(made, sort_keys=True, default=str) if experiment else "",
        images=frozenset(_digests(run)),
        baseline=_baseline(rows),
    )


def groups(sets: Sequence[ValidatedOn]) -> list[list[int]]:
    """The places of those that may share axes, together; groups in the order they came."""
    found: list[list[int]] = []
    for place, one in enumerate(sets):
        home = next((group for group in found if any(one.is_same(sets[other]) for other in group)), None)
        if home is None:
            found.append([place])
        else:
            home.append(place)
    return found


def _read(read: Any) -> dict[str, Any]:
    try:
        found: dict[str, Any] = read()
    except UserError:
        return {}
    return found


def _table(tree: Mapping[str, Any], key: str) -> Mapping[str, Any]:
    found = tree.get(key)
    return found if isinstance(found, Mapping) else {}


def _named(data: Mapping[str, Any]) -> str:
    """As a table calls the set."""
    path = data.get("path")
    if path is not None:
        return ", ".join(Path(str(one)).name for one in (path if isinstance(path, list) else [path]))
    use, split = str(data.get("use") or "").rpartition(":")[2], data.get("split")
    return f"{use} ({split})" if split else use


def _digests(run: Path) -> Iterator[str]:
    fingerprint = _table(_read(lambda: read_object(run / "manifest.json")), "data").get("validate")
    if isinstance(fingerprint, str):
        yield fingerprint
    contents = _table(_read(lambda: read_object(run / "results.json")), "data").get("validate")
    if isinstance(contents, Mapping) and contents:
        yield json.dumps(sorted(map(str, contents.values())))


def _baseline(rows: Sequence[Row]) -> tuple[str, Mapping[str, float]]:
    for row in rows:
        if row.model in BASELINES:
            return row.model, {name: one.shown for name, one in row.metrics.items() if one.shown is not None}
    return "", {}
