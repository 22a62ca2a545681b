"""A generator as one safetensors or .pth file that needs nothing beside it: weights, and how to build them."""

from __future__ import annotations

import hashlib
import io
from collections.abc import Mapping
from pathlib import Path

import torch
from safetensors import SafetensorError, safe_open
from safetensors.torch import save
from torch import Tensor, nn

from srkit.assembly import SharedParts
from srkit.data.placing import placed
from srkit.errors import UserError
from srkit.experiment.single import pick_one
from srkit.inference.named import NamedModel, identity_of
from srkit.inference.own_words import EXPERIMENT, class_of, require_no_own_code, trained_on
from srkit.inference.weights import read_weights
from srkit.registry import KINDS, Registry

__all__ = ["exported_model", "header", "is_exported", "save_exported", "save_pth"]

PTH_KEY = "srkit"
"""Where a `.pth` file keeps the same texts, beside `params`."""


def save_exported(path: Path, weights: Mapping[str, Tensor], texts: Mapping[str, str]) -> None:
    """Write a generator's weights with what builds it again.

    Args:
        path: the file to be.
        weights: the generator's state.
        texts: what the file says of itself; see `own_words`.

    Raises:
        UserError: it cannot be written.
    """
    tensors = {key: value.detach().cpu().contiguous().clone() for key, value in weights.items()}
    with placed(path) as aside:
        aside.write_bytes(save(tensors, {"format": "pt", **texts}))


def save_pth(path: Path, weights: Mapping[str, Tensor], texts: Mapping[str, str]) -> None:
    """Write weights as other toolkits do, under `params`, with what builds the network again beside them.

    Arguments and errors as for `save_exported`.
    """
    tensors = {key: value.detach().cpu().contiguous().clone() for key, value in weights.items()}
    content = io.BytesIO()  # torch makes errors of its own of a full disk and a forbidden place
    torch.save({"params": tensors, PTH_KEY: dict(texts)}, content)
    with placed(path) as aside:
        aside.write_bytes(content.getbuffer())


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
    return EXPERIMENT in _texts(path)


def _texts(path: Path) -> dict[str, str]:
    return header(path) if path.suffix.lower() == ".safetensors" else pth_header(path)


def exported_model(path: Path, registry: Registry, code: Path | None = None) -> NamedModel:
    """The model in a file that `save_exported` or `save_pth` wrote.

    Args:
        registry: where its generator is looked up, by registered names alone: nothing that a file says runs code.
        code: the file of one's own that holds the generator's class, where that is no registered one.

    Raises:
        UserError: its header or its weights are not what srkit writes.
    """
    trained = trained_on(_texts(path), path)
    try:
        if trained is None:
            raise KeyError(EXPERIMENT)
        scale, table = int(trained.experiment["scale"]), dict(trained.experiment["generator"])
        table["use"]  # without it there is no generator
    except (ValueError, KeyError, TypeError) as error:
        raise UserError(f"{path}: its header does not describe a generator of srkit ({error})") from None

    def load(_: int) -> nn.Module:
        if code is not None:
            own = {**table, "use": f"{code.resolve()}:{class_of(table)}"}
            pick = pick_one(KINDS["generators"], own, registry, shown_as=str(path), folder=code.resolve().parent)
        else:
            require_no_own_code(path, table)
            known = registry.registered_only
            pick = pick_one(KINDS["generators"], table, known, shown_as=str(path), folder=path.resolve().parent)
        network: nn.Module = pick.build(scale=scale, shared=SharedParts())
        try:
            network.load_state_dict(read_weights(path, "generator").tensors)
        except RuntimeError as error:
            why = " ".join(str(error).split())
            raise UserError(f"{path}: its weights do not fit the generator in its header: {why}") from None
        return network.eval()

    with path.open("rb") as file:
        weights = hashlib.file_digest(file, "sha256").hexdigest()
    source = code.read_bytes().hex() if code is not None else ""
    return NamedModel(path.stem, str(path), scale, identity_of("exported", weights, source), load, trained)
