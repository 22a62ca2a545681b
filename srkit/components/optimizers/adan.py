"""Adan, from the library pytorch_optimizer."""

from __future__ import annotations

from typing import Annotated, Any

import torch
from msgspec import Meta

from srkit.components.extras import library
from srkit.errors import OptionError

__all__ = ["adan"]


def adan(
    parameters: list[dict[str, Any]],
    betas: tuple[float, float, float] = (0.98, 0.92, 0.99),
    eps: Annotated[float, Meta(gt=0)] = 1e-8,
    weight_decay: Annotated[float, Meta(ge=0)] = 0.0,
) -> torch.optim.Optimizer:
    """Adan: Adam with Nesterov momentum out of the gradients' differences.

    Xie et al. 2022, arXiv 2208.06677; `pytorch_optimizer.Adan` (pip install 'srkit[optimizers]'). The usual choice
    of traiNNer-redux; it bears learning
    rates several times Adam's.

    Args:
        parameters: groups of weights, each with its learning rate.
        betas: how much of the past the running means of gradient, difference and squared gradient keep, each from 0 to
            below 1 (the paper's text writes 1 minus these).
        eps: added to the denominator.
        weight_decay: weights are divided by 1 + rate * this at each update, as published.
    """
    if not all(0 <= beta < 1 for beta in betas):
        raise OptionError("betas", f"all three go from 0 to below 1, got {list(betas)}.")
    kind = library("pytorch_optimizer", "optimizers").Adan
    optimizer: torch.optim.Optimizer = kind(parameters, betas=betas, eps=eps, weight_decay=weight_decay)
    return optimizer
