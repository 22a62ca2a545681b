"""Where on this machine the images of an exported model lie, of which the file itself has only names: kept locally."""

from __future__ import annotations

import hashlib
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from srkit.evaluation.bench.cache import ScoreCache
    from srkit.inference.named import TrainedOn

__all__ = ["keep_place", "with_place"]

KIND = "places"


def keep_place(known: TrainedOn) -> None:
    """Remember the training set of a run that is exported, in the user's cache."""
    table = known.experiment.get("data", {}).get("train")
    if known.fingerprint and isinstance(table, dict):
        _cache().keep_document(KIND, _key(known), {"table": table, "folder": str(known.folder.resolve())})


def with_place(known: TrainedOn) -> TrainedOn:
    """What a file says of its training, with the place of the images where it was exported on this machine."""
    found: Any = _cache().document(KIND, _key(known)) if known.shared and known.fingerprint else None
    try:
        table, folder = dict(found["table"]), Path(found["folder"])
    except (KeyError, TypeError, ValueError):
        return known
    data = {**known.experiment.get("data", {}), "train": table}
    return replace(known, experiment={**known.experiment, "data": data}, folder=folder)


def _cache() -> ScoreCache:
    from srkit.evaluation.bench.cache import ScoreCache, cache_folder

    return ScoreCache(cache_folder() / "bench")


def _key(known: TrainedOn) -> str:
    return hashlib.sha256(known.fingerprint.encode()).hexdigest()
