"""A generator as one safetensors or .pth file that needs nothing beside it: weights, and how to build them."""

from __future__ import annotations

import io
import pickle
import zipfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import torch
from safetensors.torch import save
from torch import Tensor, nn

from srkit.assembly import SharedParts
from srkit.data.placing import placed
from srkit.errors import OptionError, UserError
from srkit.experiment.single import pick_one
from srkit.inference.building import built_to_fit
from srkit.inference.initial import compared
from srkit.inference.named import NamedModel, identity_of
from srkit.inference.own_code import require_registered, with_code
from srkit.inference.own_words import EXPERIMENT, trained_on
from srkit.inference.weights import outlined_weights, read_weights
from srkit.registry import KINDS, Registry
from srkit.weight_files.refusals import DamagedWeights, sha256_of
from srkit.weight_files.tensor_files import read_header, with_texts
from srkit.weight_files.torch_files import outline_torch_file

__all__ = ["exported_model", "is_exported", "own_texts", "save_exported", "save_pth"]

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
        aside.write_bytes(with_texts(save(tensors), {"format": "pt", **texts}))


def save_pth(path: Path, weights: Mapping[str, Tensor], texts: Mapping[str, str]) -> None:
    """Write weights as other toolkits do, under `params`, with what builds the network again beside them.

    Arguments and errors as for `save_exported`.
    """
    tensors = {key: value.detach().cpu().contiguous().clone() for key, value in weights.items()}
    content = io.BytesIO()  # torch makes errors of its own of a full disk and a forbidden place
    torch.save({"params": tensors, PTH_KEY: dict(texts)}, content)
    with placed(path) as aside:
        aside.write_bytes(content.getbuffer())


def is_exported(path: Path) -> bool:
    """Whether srkit wrote it: a `.safetensors` or `.pth` file.

    Raises:
        UserError: a `.safetensors` file is damaged.
    """
    return EXPERIMENT in own_texts(path)


def exported_model(path: Path, registry: Registry, code: Path | None = None) -> NamedModel:
    """The model in a file that `save_exported` or `save_pth` wrote.

    Args:
        path: the file.
        registry: where its generator is looked up, by registered names alone.
        code: a Python file with what the generator has of own code.

    Raises:
        UserError: its header or its weights are not what srkit writes, or its generator is own code and `code` is None.
    """
    trained = trained_on(own_texts(path), path)
    if trained is None:
        raise UserError(f"{path}: its header does not describe a generator of srkit")
    scale, table = trained.experiment["scale"], trained.experiment["generator"]
    if code is None:
        require_registered(path, table, registry)
        offered = registry.registered_only
    else:
        table, offered = with_code(path, table, code, registry)

    def load(_: int) -> nn.Module:
        return _built(path, table, scale, offered)

    return NamedModel(path.stem, str(path), scale, identity_of("exported", sha256_of(path)), load, trained)


def _built(path: Path, table: Mapping[str, Any], scale: int, registry: Registry) -> nn.Module:
    """The network with its weights: shapes are compared before a value is read, or memory used."""
    pick = pick_one(KINDS["generators"], table, registry, shown_as=str(path), folder=path.resolve().parent)
    outline = outlined_weights(path)

    def check(own: Mapping[str, Tensor]) -> None:
        fit = compared(own, outline)
        if not fit.is_whole:
            raise UserError(f"{path}: its weights do not fit the generator in its header: {fit}")

    try:
        network = built_to_fit(lambda: pick.build(scale=scale, shared=SharedParts()), outline, path, check)
        network.load_state_dict(read_weights(path, "generator").tensors)
    except OptionError as error:
        raise UserError(f"{path}: the generator in its header: {error}") from error
    except RuntimeError as error:
        why = " ".join(str(error).split())
        raise UserError(f"{path}: its weights do not fit the generator in its header: {why}") from None
    return network.eval()


def own_texts(path: Path) -> Mapping[str, str]:
    """A file's own texts; empty where it has none.

    Raises:
        UserError: a `.safetensors` file is damaged; of another, whoever reads it next says so.
    """
    if path.suffix.lower() == ".safetensors":
        try:
            return read_header(path).texts
        except (OSError, DamagedWeights) as error:
            raise UserError(f"{path}: not a safetensors file, or damaged ({error})") from None
    try:
        content = outline_torch_file(path)
    except (OSError, ValueError, RuntimeError, pickle.UnpicklingError, zipfile.BadZipFile, UserError):
        return {}
    texts = content.get(PTH_KEY) if isinstance(content, dict) else None
    if not isinstance(texts, dict) or not all(isinstance(one, str) for pair in texts.items() for one in pair):
        return {}
    return texts
