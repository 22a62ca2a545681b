"""A generator as one safetensors or .pth file that needs nothing beside it: weights, and how to build them."""

from __future__ import annotations

import hashlib
import io
import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import torch
from safetensors import SafetensorError, safe_open
from safetensors.torch import save
from torch import Tensor, nn

import srkit
from srkit.assembly import SharedParts
from srkit.data.placing import placed
from srkit.errors import UserError
from srkit.experiment.single import pick_one
from srkit.inference.named import NamedModel, TrainedOn, identity_of
from srkit.inference.weights import read_weights
from srkit.registry import KINDS, Registry

__all__ = ["EXPERIMENT_KEY", "exported_model", "header", "is_exported", "save_exported", "save_pth"]

PTH_KEY = "srkit"
"""Where a `.pth` file keeps the same texts, beside `params`."""

EXPERIMENT_KEY = "srkit.experiment"
"""The header's key that holds the resolved experiment as JSON; beside it `srkit.version`, `srkit.training_data` (the
fingerprint of the pictures) and `srkit.name`."""


def save_exported(
    path: Path, weights: Mapping[str, Tensor], experiment: Mapping[str, Any], *, name: str, fingerprint: str = ""
) -> None:
    """Write a generator's weights with what builds it again.

    Args:
        path: the file to be.
        weights: the generator's state.
        experiment: the resolved experiment, of which `scale` and `generator` build the network.
        name: the run's.
        fingerprint: of the training pictures.

    Raises:
        UserError: it cannot be written.
    """
    metadata = {"format": "pt", **_metadata(experiment, name, fingerprint)}
    tensors = {key: value.detach().cpu().contiguous().clone() for key, value in weights.items()}
    with placed(path) as aside:
        aside.write_bytes(save(tensors, metadata))


def save_pth(
    path: Path, weights: Mapping[str, Tensor], experiment: Mapping[str, Any], *, name: str, fingerprint: str = ""
) -> None:
    """Write weights as other toolkits do, under `params`, with what builds the network again beside them.

    Arguments and errors as for `save_exported`.
    """
    tensors = {key: value.detach().cpu().contiguous().clone() for key, value in weights.items()}
    content = io.BytesIO()  # torch makes errors of its own of a full disk and a forbidden place
    torch.save({"params": tensors, PTH_KEY: _metadata(experiment, name, fingerprint)}, content)
    with placed(path) as aside:
        aside.write_bytes(content.getbuffer())


def _metadata(experiment: Mapping[str, Any], name: str, fingerprint: str) -> dict[str, str]:
    return {
        EXPERIMENT_KEY: json.dumps(experiment, default=str),
        "srkit.version": srkit.__version__,
        "srkit.name": name,
        "srkit.training_data": fingerprint,
    }


def pth_header(path: Path) -> dict[str, str]:
    """What `save_pth` wrote beside the weights; empty for any other file. Only weights and texts are read."""
    try:
        content = torch.load(path, map_location="cpu", weights_only=True, mmap=True)
    # Whoever reads the file next says what is wrong with it; torch raises nearly anything on a damaged one.
    except Exception:
        return {}
    texts = content.get(PTH_KEY) if isinstance(content, dict) else None
    return dict(texts) if isinstance(texts, dict) else {}


def header(path: Path) -> dict[str, str]:
    """A safetensors file's own texts; empty where it has none.

    Raises:
        UserError: it is no safetensors file, or damaged.
    """
    try:
        with safe_open(path, "pt") as file:
            return dict(file.metadata() or {})
    except (OSError, SafetensorError) as error:
        raise UserError(f"{path}: not a safetensors file, or damaged ({error})") from None


def is_exported(path: Path) -> bool:
    """Whether srkit wrote it: a `.safetensors` or `.pth` file.

    Raises:
        UserError: a `.safetensors` file is damaged.
    """
    return EXPERIMENT_KEY in _texts(path)


def _texts(path: Path) -> dict[str, str]:
    return header(path) if path.suffix.lower() == ".safetensors" else pth_header(path)


def exported_model(path: Path, registry: Registry) -> NamedModel:
    """The model in a file that `save_exported` or `save_pth` wrote.

    Raises:
        UserError: its header or its weights are not what srkit writes.
    """
    texts = _texts(path)
    try:
        experiment = json.loads(texts[EXPERIMENT_KEY])
        scale, table = int(experiment["scale"]), dict(experiment["generator"])
        table["use"]  # without it there is no generator
    except (ValueError, KeyError, TypeError) as error:
        raise UserError(f"{path}: its header does not describe a generator of srkit ({error})") from None

    def load(_: int) -> nn.Module:
        pick = pick_one(KINDS["generators"], table, registry, shown_as=str(path), folder=path.resolve().parent)
        network: nn.Module = pick.build(scale=scale, shared=SharedParts())
        try:
            network.load_state_dict(read_weights(path, "generator").tensors)
        except RuntimeError as error:
            raise UserError(f"{path}: its weights do not fit the generator in its header: {error}") from None
        return network.eval()

    with path.open("rb") as file:
        weights = hashlib.file_digest(file, "sha256").hexdigest()
    trained_on = TrainedOn(experiment, path.resolve().parent, texts.get("srkit.training_data", ""))
    return NamedModel(path.stem, str(path), scale, identity_of("exported", weights), load, trained_on)
