"""Which weights a VGG gets: the option `weights` settled, and what is written down about the outcome."""

from __future__ import annotations

from hashlib import file_digest
from pathlib import Path
from typing import Literal

import torch
from torch import Tensor

from srkit.components.backbones import on_meta
from srkit.components.feature_losses.architectures import Architecture, Convolution
from srkit.components.feature_losses.random_features import SEED, random_source
from srkit.components.feature_losses.trunk import Source, Trunk
from srkit.components.feature_losses.weight_files import cached_file, downloaded_file, file_source, slimmed
from srkit.contracts import Provenance, Shared
from srkit.errors import OptionError, nearest

__all__ = ["Weights", "find_trunk"]

CHOICES = ("imagenet", "auto", "random")

Weights = Literal["imagenet", "auto", "random"] | Path
"""ImageNet's, whatever is on this machine, random features, or a file."""


def find_trunk(architecture: Architecture, weights: Weights, shared: Shared | None) -> Trunk:
    """The trunk with these weights: the run's one where `shared` is given, else one of its own.

    On the meta device nothing is downloaded or converted, and ImageNet's weights are not read; a file that the user
    names is looked at even there.

    Raises:
        OptionError: the weights cannot be had.
    """
    chosen = str(weights)
    file = settle(architecture, chosen)

    def build() -> Trunk:
        return build_trunk(architecture, chosen, file)

    return shared(("vgg", architecture, chosen, str(file)), build) if shared is not None else build()


def settle(architecture: Architecture, weights: str) -> Path | None:
    """The file that the weights come from; None for random features, and on the meta device for what is not here."""
    if weights == "random":
        return None
    if weights not in CHOICES:
        file = Path(weights)
        if not file.is_file():
            hint = f" {nearest(file.name, CHOICES)}" if nearest(file.name, CHOICES) else ""
            raise OptionError(
                "weights",
                f'no file {weights}.{hint} It is "imagenet", "auto", "random" or the path of a .safetensors or '
                f".pth file.",
            )
        return file
    cached = cached_file(architecture)
    if on_meta():
        return cached
    if cached is not None:
        return slimmed(architecture, cached)
    return downloaded_file(architecture) if weights == "imagenet" else None


def build_trunk(architecture: Architecture, weights: str, file: Path | None) -> Trunk:
    """A trunk without layers yet, and what is to be known about its weights."""
    if on_meta() and weights in CHOICES:
        source: Source = empty
    else:
        source = random_source(architecture) if file is None else file_source(architecture, file)
    return Trunk(architecture, source, provenance(architecture, weights, file))


def empty(convolution: Convolution) -> tuple[Tensor, Tensor]:
    """Weight and bias without values, on the meta device."""
    shape = (convolution.outputs, convolution.inputs, 3, 3)
    return torch.empty(shape, device="meta"), torch.empty(convolution.outputs, device="meta")


def provenance(architecture: Architecture, weights: str, file: Path | None) -> Provenance:
    """The outcome of "auto", the file and its hash (but on the meta device), and a warning of random features."""
    outcome = weights if weights in CHOICES else "file"
    if weights == "auto":
        outcome = "random" if file is None else "imagenet"
    facts = {"weights": outcome}
    if outcome == "random":
        facts["seed"] = str(SEED)
    if file is not None:
        facts["file"] = str(file)
        if not on_meta():
            with file.open("rb") as stream:
                facts["sha256"] = file_digest(stream, "sha256").hexdigest()
    if outcome != "random":
        return Provenance({"weights": outcome} if weights == "auto" else {}, facts)
    missing = "ImageNet's weights are not on this machine, so its" if weights == "auto" else "its"
    warning = (
        f"{architecture}: {missing} features are random (seed {SEED}) and judge likeness less well than ImageNet's; "
        f'weights = "imagenet" downloads those.'
    )
    return Provenance({"weights": outcome} if weights == "auto" else {}, facts, warning)
