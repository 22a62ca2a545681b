"""TorchScript files, called as a generator is."""

from __future__ import annotations

import hashlib
import warnings
import zipfile
from pathlib import Path

import torch
from torch import nn

from srkit.errors import UserError
from srkit.inference.named import NamedModel, identity_of
from srkit.inference.own_words import EXPERIMENT, TRAINING_DATA, trained_on
from srkit.registry import Trust

__all__ = ["is_script", "open_script", "require_trust", "script_model"]

TRIAL = 24


def is_script(path: Path) -> bool:
    """Whether a file holds a TorchScript program, by its content and whatever it is called."""
    try:
        with zipfile.ZipFile(path) as archive:
            return any("/code/" in f"/{name}" for name in archive.namelist())
    except (OSError, ValueError, zipfile.BadZipFile, NotImplementedError):
        return False


def require_trust(path: Path, trust: Trust) -> None:
    """Leave a program closed unless `--trust` was given: it can read and write files, already while it is loaded.

    Raises:
        UserError: with its hash.
    """
    if not trust.everything:
        with path.open("rb") as file:
            digest = hashlib.file_digest(file, "sha256").hexdigest()
        raise UserError(
            f"{path} is a TorchScript program, which can read and write your files (sha256 {digest}). If you trust "
            "whoever made it, give --trust; weights alone come as .safetensors"
        )


def open_script(path: Path) -> nn.Module:
    """The module in a file, which is code: `require_trust` comes before.

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


def script_model(path: Path, trust: Trust) -> NamedModel:
    """The model in a TorchScript file.

    Raises:
        UserError: as `require_trust` and `open_script`; or it does not enlarge an RGB picture a whole number of times.
    """
    require_trust(path, trust)
    network = open_script(path)
    try:
        with torch.no_grad():
            side = network(torch.zeros(1, 3, TRIAL, TRIAL)).shape[-1]
    except Exception as error:  # a stranger's program may raise anything
        raise UserError(f"{path}: fails on a picture of {TRIAL} x {TRIAL}: {type(error).__name__}") from None
    if side % TRIAL:
        raise UserError(f"{path}: makes {side} pixels of {TRIAL}, which is no whole number of times larger")
    with path.open("rb") as file:
        weights = hashlib.file_digest(file, "sha256").hexdigest()

    def load(_: int) -> nn.Module:
        return open_script(path)

    identity = identity_of("torchscript", weights)
    return NamedModel(path.stem, str(path), side // TRIAL, identity, load, trained_on(_texts(path), path))


def _texts(path: Path) -> dict[str, str]:
    """What srkit wrote beside the program; empty texts in a stranger's file."""
    texts: dict[str, str | bytes] = dict.fromkeys((EXPERIMENT, TRAINING_DATA), "")
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # as above
        torch.jit.load(str(path), map_location="cpu", _extra_files=texts)
    return {key: text.decode("utf-8", "replace") if isinstance(text, bytes) else text for key, text in texts.items()}
