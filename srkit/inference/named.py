"""What a model can be called on a command line: a run, a checkpoint, a file of weights, ONNX, an interpolation."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from torch import nn

from srkit.errors import UserError, nearest
from srkit.registry import KINDS, NotFound, Registry

__all__ = ["NamedModel", "TrainedOn", "identity_of", "named_model"]


@dataclass(frozen=True)
class TrainedOn:
    """What is known of a model's training.

    Attributes:
        experiment: the resolved experiment, as the file has it.
        folder: what its relative paths are relative to.
        fingerprint: of the training pictures; empty where it is unknown.
    """

    experiment: Mapping[str, Any]
    folder: Path
    fingerprint: str = ""

    @property
    def data(self) -> str:
        """The training pictures in words: a folder's name, or a data set's with its split."""
        table = self.experiment.get("data", {}).get("train", {})
        paths = table.get("path") or table.get("hr_folder")
        if paths:
            return ", ".join(Path(one).name for one in (paths if isinstance(paths, list) else [paths]))
        name, split = str(table.get("use", "unknown")).rpartition(":")[2], table.get("split")
        return f"{name} ({split})" if split else name

    @property
    def lr_images(self) -> str:
        """What made the LR pictures it was trained on."""
        table = self.experiment.get("lr_pipeline") or self.experiment.get("downscaler") or {}
        others = [str(one.get("use")) for one in self.experiment.get("degradation", [])]
        return ", ".join([str(table.get("use", "unknown")), *others])


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
        counted: whether torch sees what it computes, so that multiply-adds and memory can be told.
    """

    name: str
    argument: str
    scale: int | None
    identity: str
    load: Callable[[int], nn.Module]
    trained_on: TrainedOn | None = None
    warnings: Sequence[str] = field(default_factory=tuple)
    counted: bool = True


def identity_of(*parts: object) -> str:
    """One hash of several things."""
    return hashlib.sha256(json.dumps(parts, sort_keys=True, default=str).encode()).hexdigest()


def named_model(argument: str, registry: Registry) -> NamedModel:
    """The model somebody means.

    Args:
        argument: a run folder, one of its checkpoints, a `.safetensors` that srkit exported, a file that spandrel knows
            (`.pth`, `.pt`, `.ckpt`, `.safetensors`), an `.onnx` file, or an interpolation's name such as `bicubic`.
        registry: where generators are looked up.

    Raises:
        UserError: there is no such thing, or it cannot be used; says what there is.
    """
    from srkit.inference.run_models import is_checkpoint, run_model
    from srkit.training.folder import is_run

    path = Path(argument)
    if path.is_dir():
        if is_run(path) or is_checkpoint(path):
            return run_model(path, registry)
        raise UserError(
            f"{argument}: this folder is neither a run nor one of a run's checkpoints (runs/x/checkpoints/step-...)"
        )
    if path.is_file():
        return _file_model(path, registry)
    return _interpolation(argument, registry)


def _file_model(path: Path, registry: Registry) -> NamedModel:
    suffix = path.suffix.lower()
    if suffix == ".onnx":
        from srkit.inference.onnx_files import onnx_model

        return onnx_model(path)
    if suffix == ".ts":
        from srkit.inference.script_files import script_model

        return script_model(path)
    if suffix in (".safetensors", ".pth"):
        from srkit.inference.exported import exported_model, is_exported

        if is_exported(path):
            return exported_model(path, registry)
    if suffix in (".safetensors", ".pth", ".pt", ".ckpt"):
        from srkit.inference.spandrel_files import spandrel_model

        return spandrel_model(path)
    raise UserError(
        f"{path}: a model is a run folder, a checkpoint, or a .safetensors, .pth, .pt, .ckpt, .onnx or .ts file"
    )


def _interpolation(name: str, registry: Registry) -> NamedModel:
    """A generator that has nothing to train, by its registered name."""
    kind = KINDS["generators"]
    try:
        component = registry.find(kind, name, Path.cwd())
    except NotFound:
        names = [entry.name for entry in registry.entries(kind)]
        raise UserError(
            f"{name}: there is no such run, checkpoint, model file or interpolation. {nearest(name, names)}".rstrip()
        ) from None
    missing = [one.name for one in component.signature.options if one.required]

    def load(scale: int) -> nn.Module:
        network: nn.Module = component.factory(scale=scale)
        return network.eval()

    if missing or any(True for _ in load(2).parameters()):
        raise UserError(
            f"{name}: this generator has weights to train; name a run of it. Interpolations such as bicubic need none"
        )
    code = component.version if component.file is None else identity_of(component.file.read_bytes().hex())
    return NamedModel(component.name, name, None, identity_of("interpolation", component.use, code), load)
