"""What an exported file says of itself: the experiment and the training pictures, as texts beside the weights."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import srkit
from srkit.errors import UserError
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


def own_code(table: Any) -> list[str]:
    """The files of own code that a generator's table names, itself and what is nested in it."""
    if isinstance(table, list):
        return [file for one in table for file in own_code(one)]
    if not isinstance(table, Mapping):
        return []
    file = str(table.get("use", "")).rpartition(":")[0]
    return [*([file] if file.endswith(".py") else []), *(one for value in table.values() for one in own_code(value))]


def class_of(table: Mapping[str, Any]) -> str:
    """The name of the class that a table's `use` ends with."""
    return str(table["use"]).rpartition(":")[2]


def how_to_load(file: str, code: str) -> str:
    """The line of Python that loads an exported file whose generator is own code."""
    return f'srkit.load("{file}", code="./{Path(code).name}", trust=True)'


def require_no_own_code(path: Path, table: Mapping[str, Any]) -> None:
    """Refuse a file whose network is own code, which it does not bring along.

    Raises:
        UserError: with the line that loads it.
    """
    files = own_code(table)
    if files:
        raise UserError(
            f"{path}: its network is own code ({Path(files[0]).name}), which the file does not hold and which is not "
            f"looked for. With that code, once you have read it: {how_to_load(path.name, files[0])}"
        )
