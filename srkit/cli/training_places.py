"""Where on this machine the images of an exported model lie, of which the file itself has only names: kept locally."""

from __future__ import annotations

import hashlib
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from srkit.errors import UserError

if TYPE_CHECKING:
    from srkit.evaluation.bench.cache import ScoreCache
    from srkit.experiment import Pick
    from srkit.inference.named import TrainedOn

__all__ = ["keep_place", "require_beside", "with_place"]

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


def require_beside(pick: Pick, known: TrainedOn, shown_as: str) -> None:
    """Look only beside a shared file for the images that it names: it has no say in what else is read here.

    Raises:
        UserError: it names another folder.
    """
    if not known.shared:
        return
    for one in pick.walk():
        for value in one.options.values():
            for path in value if isinstance(value, (list, tuple)) else [value]:
                if isinstance(path, Path) and not path.is_relative_to(known.folder):
                    raise UserError(f"{shown_as} names images in {path}; name those to judge on by --on FOLDER")


def _cache() -> ScoreCache:
    from srkit.evaluation.bench.cache import ScoreCache, cache_folder

    return ScoreCache(cache_folder() / "bench")


def _key(known: TrainedOn) -> str:
    return hashlib.sha256(known.fingerprint.encode()).hexdigest()
