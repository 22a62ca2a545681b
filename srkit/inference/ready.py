"""What `srkit.load` gives: a trained generator as a module that knows its scale."""

from __future__ import annotations

import warnings
from pathlib import Path

from torch import Tensor, nn

from srkit.assembly.multiples import generated
from srkit.errors import SrkitWarning, UserError
from srkit.inference.naming import named_model
from srkit.registry import Registry, Trust

__all__ = ["ReadyModel", "ready_model"]


class ReadyModel(nn.Module):
    """A generator that gives its picture alone.

    Attributes:
        network: the generator itself.
        scale: how many times larger the picture gets.
        identity: a hash of everything its pictures depend on: weights, options, code.
    """

    def __init__(self, network: nn.Module, scale: int, identity: str) -> None:
        super().__init__()
        self.network = network
        self.scale = scale
        self.identity = identity

    def forward(self, lr: Tensor) -> Tensor:
        """LR (B, 3, h, w) float in [0, 1] -> SR (B, 3, h * scale, w * scale), unclamped."""
        return generated(self.network, lr)


def ready_model(name: str, *, code: Path | None = None, trust: bool = False) -> ReadyModel:
    """The model of that name, in eval mode on the CPU; what its user must know comes as `UserWarning`.

    Args:
        name: what `--model` takes.
        code: a Python file with the own code of an exported file's generator.
        trust: load own code and programs in files without a question.

    Raises:
        UserError: there is no such model, it cannot be used, or it has no scale of its own.
    """
    found = named_model(name, Registry.installed(Trust(trust)), code)
    if found.scale is None:
        raise UserError(f"{name}: it enlarges by any factor; name a model that was trained for one")
    for sentence in found.complaints:
        warnings.warn(sentence, SrkitWarning, stacklevel=3)
    return ReadyModel(found.load(found.scale), found.scale, found.identity).eval()
