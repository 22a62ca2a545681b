"""What an exported file says of itself: the experiment and the training images, as texts beside the weights."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Any

import msgspec

import srkit
from srkit.errors import UserError
from srkit.inference.named import TrainedOn
from srkit.inference.own_code import without_code
from srkit.places import Nameless
from srkit.registry import Registry

__all__ = ["EXPERIMENT", "NAME", "TRAINING_DATA", "VERSION", "own_words", "shared_experiment", "trained_on"]

EXPERIMENT, VERSION, NAME, TRAINING_DATA = "srkit.experiment", "srkit.version", "srkit.name", "srkit.training_data"

MOST_CHARACTERS = 1_000_000
DEEPEST = 50


class _Pick(msgspec.Struct):
    use: str


class _Data(msgspec.Struct):
    train: _Pick | None = None
    validate: _Pick | None = None


class _Validation(msgspec.Struct):
    images: int | None = None


class _Header(msgspec.Struct):
    """As much of an experiment as srkit reads out of a file; whatever else it has is shown at most."""

    scale: Annotated[int, msgspec.Meta(ge=1, le=16)]
    generator: _Pick
    data: _Data = msgspec.field(default_factory=_Data)
    downscaler: _Pick | str | None = None
    lr_pipeline: _Pick | str | None = None
    degradation: list[_Pick | str] = msgspec.field(default_factory=list)
    validation: _Validation = msgspec.field(default_factory=_Validation)
    seed: int = 0


def own_words(
    trained: TrainedOn, name: str, *, with_paths: bool = False, registry: Registry | None = None
) -> dict[str, str]:
    """The texts for a run's file, by key.

    Args:
        name: the run's.
        with_paths: keep the folders of this machine, of which there are only names otherwise.
        registry: tells registered components from own code; by default what is installed.
    """
    experiment = shared_experiment(trained, registry or Registry.installed(), with_paths=with_paths)
    return {
        EXPERIMENT: json.dumps(experiment, default=str),
        VERSION: srkit.__version__,
        NAME: name,
        TRAINING_DATA: trained.fingerprint,
    }


def shared_experiment(trained: TrainedOn, registry: Registry, *, with_paths: bool) -> dict[str, Any]:
    """The experiment as it is handed on: own code by its class's name, and no folders unless they are wanted."""
    experiment = without_code(trained.experiment, registry)
    return dict(experiment if with_paths else Nameless()(experiment))


def trained_on(texts: Mapping[str, str], path: Path) -> TrainedOn | None:
    """What a file's texts say of its training; None where srkit did not write them.

    Args:
        path: the file; relative paths in its experiment are relative to its folder.

    Raises:
        UserError: they are not as srkit writes them.
    """
    text = texts.get(EXPERIMENT)
    if not text:
        return None
    try:
        if len(text) > MOST_CHARACTERS:
            raise ValueError(f"it is {len(text):,} characters long")
        experiment = json.loads(text)
        if _is_deep(experiment, DEEPEST):
            raise ValueError("its tables are nested too deep")
        msgspec.convert(experiment, _Header)
    except (ValueError, TypeError, RecursionError) as error:
        why = " ".join(str(error).split())[:200]
        raise UserError(f"{path}: its header does not describe a generator of srkit ({why})") from None
    return TrainedOn(experiment, path.resolve().parent, str(texts.get(TRAINING_DATA, "")), shared=True)


def _is_deep(value: Any, left: int) -> bool:
    inner = value.values() if isinstance(value, dict) else value if isinstance(value, list) else ()
    return left == 0 or any(_is_deep(one, left - 1) for one in inner)
