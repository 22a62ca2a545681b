"""Lion, from the library pytorch_optimizer."""

from __future__ import annotations

from typing import Annotated, Any

import torch
from msgspec import Meta

from srkit.components.extras import library
from srkit.components.optimizers.adam import check_betas

__all__ = ["lion"]


def lion(
    parameters: list[dict[str, Any]],
    betas: tuple[float, float] = (0.9, 0.99),
    weight_decay: Annotated[float, Meta(ge=0)] = 0.0,
) -> torch.optim.Optimizer:
    """Lion: the sign of a running mean as update; half of Adam's state.

    Chen et al. 2023, arXiv 2302.06675; `pytorch_optimizer.Lion` (pip install 'srkit[optimizers]'). Every weight moves
    by the learning rate at each update, so rates are 3 to 10 times below Adam's, and weight decay as many times above.

    Args:
        parameters: groups of weights, each with its learning rate.
        betas: how much of the past the update and the running mean keep, each from 0 to below 1.
        weight_decay: the part of each weight, times the learning rate, taken away at each update.
    """
    check_betas(betas)
    kind = library("pytorch_optimizer", "optimizers").Lion
    optimizer: torch.optim.Optimizer = kind(parameters, betas=betas, weight_decay=weight_decay, weight_decouple=True)
    return optimizer
