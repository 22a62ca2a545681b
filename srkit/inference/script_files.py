"""TorchScript files, called as a generator is."""

from __future__ import annotations

import warnings
from pathlib import Path

import torch
from torch import nn

from srkit.errors import FAILURES, UserError
from srkit.inference.named import NamedModel, identity_of
from srkit.inference.own_words import EXPERIMENT, TRAINING_DATA, trained_on
from srkit.registry import Registry
from srkit.weight_files.archive import script_refusal
from srkit.weight_files.refusals import sha256_of

__all__ = ["open_script", "script_model"]

TRIAL = 24


def open_script(path: Path) -> nn.Module:
    """The module in a file. Opening it runs what is in it, and so does every call: it may read and write any file.

    Raises:
        UserError: it is none.
    """
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # that TorchScript is no longer developed
            module: nn.Module = torch.jit.load(str(path), map_location="cpu")
    except (RuntimeError, ValueError) as error:
        raise UserError(f"{path}: not a TorchScript file, or damaged ({' '.join(str(error).split())[:200]})") from None
    for weight in module.parameters():
        weight.requires_grad_(False)
    return module.eval()


def script_model(path: Path, registry: Registry) -> NamedModel:
    """The model in a TorchScript file, if whoever built the registry trusts programs in files.

    Raises:
        UserError: nobody does; as `open_script`; or it does not enlarge an RGB image a whole number of times.
    """
    if not registry.trust.everything:
        raise script_refusal(path, "--trust (in Python trust=True) opens it, once you trust where it comes from")
    network = open_script(path)
    try:
        with torch.no_grad():
            side = network(torch.zeros(1, 3, TRIAL, TRIAL)).shape[-1]
    except FAILURES as error:  # a stranger's program may raise anything
        raise UserError(f"{path}: fails on an image of {TRIAL} x {TRIAL}: {type(error).__name__}") from None
    if side % TRIAL:
        raise UserError(f"{path}: makes {side} pixels of {TRIAL}, which is no whole number of times larger")

    def load(_: int) -> nn.Module:
        return open_script(path)

    identity = identity_of("torchscript", sha256_of(path))
    return NamedModel(path.stem, str(path), side // TRIAL, identity, load, trained_on(_texts(path), path))


def _texts(path: Path) -> dict[str, str]:
    """What srkit wrote beside the program; empty texts in a stranger's file."""
    texts: dict[str, str | bytes] = dict.fromkeys((EXPERIMENT, TRAINING_DATA), "")
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # as above
        torch.jit.load(str(path), map_location="cpu", _extra_files=texts)
    return {key: text.decode("utf-8", "replace") if isinstance(text, bytes) else text for key, text in texts.items()}
