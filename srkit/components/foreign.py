"""Tools for `recognize`: weights that another program saved, under the names of our network."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping, Sequence

import torch
from torch import Tensor, nn

__all__ = ["BY_ORDER", "Weights", "count", "fits", "in_order", "renamed", "shape"]

Weights = Mapping[str, Tensor]

BY_ORDER = "its names are not ours: every tensor was taken by its place, kind and shape, which all fit"
"""What is assumed where `in_order` was needed."""


def renamed(weights: Weights, rules: Sequence[tuple[str, str]]) -> dict[str, Tensor]:
    """The tensors, those whose whole name matches a rule's pattern under the name its template makes."""
    return {_renamed(name, rules): tensor for name, tensor in weights.items()}


def _renamed(name: str, rules: Sequence[tuple[str, str]]) -> str:
    for pattern, template in rules:
        if match := re.fullmatch(pattern, name):
            return match.expand(template)
    return name


def count(weights: Iterable[str], pattern: str) -> int:
    """How many numbers from 0 on stand where the pattern's group is; 0 where no name begins like that."""
    found = [int(match[1]) for name in weights if (match := re.match(pattern, name))]
    return max(found, default=-1) + 1


def shape(weights: Weights, name: str, dim: int) -> int:
    """One side of a tensor; 0 where there is no such tensor or dimension."""
    tensor = weights.get(name)
    return tensor.shape[dim] if tensor is not None and dim < tensor.dim() else 0


def fits(weights: Weights, make: Callable[[], nn.Module]) -> bool:
    """Whether the tensors have exactly the names and shapes of a network, which is built without memory."""
    return {name: one.shape for name, one in weights.items()} == {name: one.shape for name, one in _state(make).items()}


def in_order(weights: Weights, make: Callable[[], nn.Module]) -> dict[str, Tensor] | None:
    """The tensors under the names of a network whose tensors have the same kinds and shapes, one after the other.

    The kind is the last part of a name: `weight`, `running_mean`, ... None where any of them differs.
    """
    wanted = _state(make)
    if len(wanted) != len(weights):
        return None
    pairs = list(zip(weights.items(), wanted.items(), strict=True))
    if any(_kind(one) != _kind(other) or a.shape != b.shape for (one, a), (other, b) in pairs):
        return None
    return {other: tensor for (_, tensor), (other, _) in pairs}


def _state(make: Callable[[], nn.Module]) -> dict[str, Tensor]:
    with torch.device("meta"):
        return make().state_dict()


def _kind(name: str) -> str:
    return name.rpartition(".")[2]
