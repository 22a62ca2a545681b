"""What an exported file says of itself: the experiment and the training pictures, as texts beside the weights."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import srkit
from srkit.inference.named import TrainedOn
from srkit.places import Nameless

EXPERIMENT, VERSION, NAME, TRAINING_DATA = "srkit.experiment", "srkit.version", "srkit.name", "srkit.training_data"


def own_words(trained: TrainedOn, name: str, *, with_paths: bool = False) -> dict[str, str]:
    """The texts for a run's file, by key.

    Args:
        name: the run's.
        with_paths: keep the folders of this machine, of which there are only names otherwise.
    """
    experiment = trained.experiment if with_paths else Nameless()(trained.experiment)
    return {
        EXPERIMENT: json.dumps(experiment, default=str),
        VERSION: srkit.__version__,
        NAME: name,
        TRAINING_DATA: trained.fingerprint,
    }


def trained_on(texts: Mapping[str, str], path: Path) -> TrainedOn | None:
    """What a file's texts say of its training; None where srkit did not write them.

    Args:
        path: the file; relative paths in its experiment are relative to its folder.
    """
    try:
        experiment: Any = json.loads(texts[EXPERIMENT])
    except (KeyError, ValueError):
        return None
    if not isinstance(experiment, dict):
        return None
    return TrainedOn(experiment, path.resolve().parent, texts.get(TRAINING_DATA, ""), shared=True)
