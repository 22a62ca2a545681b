"""Stochastic gradient descent, torch's own."""

from __future__ import annotations

from typing import Annotated, Any

import torch
from msgspec import Meta

from srkit.errors import OptionError

__all__ = ["sgd"]


def sgd(
    parameters: list[dict[str, Any]],
    momentum: Annotated[float, Meta(ge=0, lt=1)] = 0.9,
    nesterov: bool = False,
    weight_decay: Annotated[float, Meta(ge=0)] = 0.0,
) -> torch.optim.Optimizer:
    """Stochastic gradient descent with momentum.

    `torch.optim.SGD`; momentum as in Sutskever et al. 2013, without dampening. It wants much larger learning rates than
    Adam.

    Args:
        parameters: groups of weights, each with its learning rate.
        momentum: how much of the last update the next one keeps.
        nesterov: look ahead along the momentum before stepping.
        weight_decay: L2 penalty, added to the gradient.
    """
    if nesterov and momentum == 0:
        raise OptionError("nesterov", "looking ahead needs a momentum above 0.")
    return torch.optim.SGD(parameters, momentum=momentum, nesterov=nesterov, weight_decay=weight_decay)
