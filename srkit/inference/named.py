"""A model that can be judged, and what is known of its training, before its network is built."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from torch import nn

from srkit.experiment.names import plain_use
from srkit.registry import Registry

__all__ = ["NamedModel", "TrainedOn", "identity_of"]


@dataclass(frozen=True)
class TrainedOn:
    """What is known of a model's training.

    Attributes:
        experiment: the resolved experiment, as the file has it.
        folder: what its relative paths are relative to.
        fingerprint: of the training pictures; empty where it is unknown.
        shared: a file says so that may come from elsewhere, so what lies in a folder of that name may be other images.
    """

    experiment: Mapping[str, Any]
    folder: Path
    fingerprint: str = ""
    shared: bool = False

    def offered(self, registry: Registry) -> Registry:
        """Where the experiment's components are looked up: what a file says of itself names registered ones alone."""
        return registry.registered_only if self.shared else registry

    @property
    def data(self) -> str:
        """The training pictures in words: a folder's name, or a data set's with its split."""
        table = self.experiment.get("data", {}).get("train") or {}
        paths = table.get("path") or table.get("hr_folder")
        names = [Path(one).name for one in (paths if isinstance(paths, list) else [paths]) if isinstance(one, str)]
        if names:
            return ", ".join(names)
        name, split = str(table.get("use", "unknown")).rpartition(":")[2], table.get("split")
        return f"{name} ({split})" if split else name

    @property
    def lr_images(self) -> str:
        """What made the LR pictures it was trained on."""
        made_by = self.experiment.get("lr_pipeline") or self.experiment.get("downscaler") or {}
        given = _has(self.experiment.get("data", {}).get("train", {}), "lr_folder")
        others = [_use(one) for one in self.experiment.get("degradation", [])]
        return ", ".join(["given" if given else _use(made_by), *others])


def _use(table: Any) -> str:
    """What a table, or a name in its place, picks."""
    use = table if isinstance(table, str) else str(table.get("use", "unknown"))
    return plain_use(use).removeprefix(":")  # own code in a file that was handed on


def _has(table: Any, key: str) -> bool:
    """Whether a table, or one inside it as in a mix, has the key."""
    inner = table.values() if isinstance(table, Mapping) else table if isinstance(table, list) else ()
    return (isinstance(table, Mapping) and key in table) or any(_has(one, key) for one in inner)


@dataclass(frozen=True)
class NamedModel:
    """A model that can be judged. All of this is known without building its network.

    Attributes:
        name: what to call it in a table.
        argument: what the user typed.
        scale: how many times larger the picture gets; None where any scale can be had.
        identity: a hash of everything its pictures depend on.
        load: for a scale -> the network in eval mode, on the CPU.
        trained_on: what is known of its training.
        warnings: what a reader of its scores must know.
        complaints: what is wrong with its files, as far as they can be used nevertheless.
        counted: whether torch sees what it computes, so that multiply-adds and memory can be told.
    """

    name: str
    argument: str
    scale: int | None
    identity: str
    load: Callable[[int], nn.Module]
    trained_on: TrainedOn | None = None
    warnings: Sequence[str] = field(default_factory=tuple)
    complaints: Sequence[str] = field(default_factory=tuple)
    counted: bool = True


def identity_of(*parts: object) -> str:
    """One hash of several things."""
    return hashlib.sha256(json.dumps(parts, sort_keys=True, default=str).encode()).hexdigest()
