"""Parameter groups: patterns of parameter names with a learning rate of their own."""

from __future__ import annotations

from collections.abc import Sequence
from fnmatch import fnmatchcase
from typing import Any

from torch import nn

from srkit.experiment.schema import OptimizerGroup


def matches(group: OptimizerGroup, name: str) -> bool:
    """Whether one of the group's patterns fits a parameter's name."""
    patterns = [group.match] if isinstance(group.match, str) else group.match
    return any(fnmatchcase(name, pattern) for pattern in patterns)


def unmatched_groups(groups: Sequence[OptimizerGroup], names: Sequence[str]) -> list[int]:
    """The numbers of the groups that no parameter falls into."""
    return [number for number, group in enumerate(groups) if not any(matches(group, name) for name in names)]


def parameter_groups(network: nn.Module, groups: Sequence[OptimizerGroup]) -> list[dict[str, Any]]:
    """The network's trainable parameters as optimizer groups; the first pattern that fits wins.

    Each group has `lr_scale`, which the trainer multiplies the stage's learning rate with. Parameters scaled by 0 are
    frozen and belong to no group.
    """
    rest: dict[str, Any] = {"params": [], "lr_scale": 1.0}
    own: list[dict[str, Any]] = [{"params": [], "lr_scale": group.lr_scale} for group in groups]
    for name, parameter in network.named_parameters():
        if not parameter.requires_grad:
            continue
        found = next((number for number, group in enumerate(groups) if matches(group, name)), None)
        target = rest if found is None else own[found]
        if target["lr_scale"] == 0:
            parameter.requires_grad_(False)
            continue
        target["params"].append(parameter)
    return [group for group in [rest, *own] if group["params"]]
