"""What the blocks have in common: activations, checks, the scaled skip, activation checkpointing."""

from __future__ import annotations

from collections.abc import Callable
from typing import Literal

import torch
from torch import Tensor, nn
from torch.utils.checkpoint import checkpoint as recompute

from srkit.errors import OptionError

__all__ = ["Activation", "Norm", "check_odd", "check_range", "make_activation", "run", "skip"]

Activation = Literal["leaky-relu", "relu", "prelu"]
Norm = Literal["none", "batch"]


def make_activation(name: Activation, slope: float = 0.1, inplace: bool = True) -> nn.Module:
    """A fresh activation module; in place by default: a convolution's output is not needed for its gradient."""
    if name == "leaky-relu":
        return nn.LeakyReLU(slope, inplace=inplace)
    return nn.ReLU(inplace=inplace) if name == "relu" else nn.PReLU()


def check_range(key: str, value: float, least: float) -> None:
    """Raise `OptionError` where a number is below the least possible."""
    if value < least:
        raise OptionError(key, f"a number from {least}, got {value}.")


def check_odd(key: str, kernel: int) -> None:
    """Raise `OptionError` unless a kernel's size is odd: only then a convolution keeps the picture's size."""
    if kernel < 1 or kernel % 2 == 0:
        raise OptionError(key, f"an odd number from 1, got {kernel}.")


def skip(x: Tensor, branch: Tensor, scale: float) -> Tensor:
    """x + scale * branch, without a tensor for the product."""
    return torch.add(x, branch, alpha=scale)


def run(layers: Callable[[Tensor], Tensor], x: Tensor, checkpoint: bool) -> Tensor:
    """Apply layers; with `checkpoint` nothing inside is kept for the gradient but computed again when it is asked."""
    if checkpoint and torch.is_grad_enabled():
        return recompute(layers, x, use_reentrant=False)
    return layers(x)
