"""Schedule-free AdamW, from its authors' library."""

from __future__ import annotations

from typing import Annotated, Any

import torch
from msgspec import Meta

from srkit.components.extras import library
from srkit.components.optimizers.adam import check_betas
from srkit.errors import OptionError

__all__ = ["schedule_free"]


def schedule_free(
    parameters: list[dict[str, Any]],
    betas: tuple[float, float] = (0.9, 0.999),
    eps: Annotated[float, Meta(gt=0)] = 1e-8,
    weight_decay: Annotated[float, Meta(ge=0)] = 0.0,
    warmup: Annotated[int, Meta(ge=0)] = 0,
    weight_power: Annotated[float, Meta(ge=0)] = 0.0,
) -> torch.optim.Optimizer:
    """Schedule-free AdamW: an average of the weights in the place of a falling learning rate.

    Defazio et al. 2024, arXiv 2405.15682; `schedulefree.AdamWScheduleFree` (pip install 'srkit[optimizers]'). Leave the
    schedule constant and the rate 1 to 10 times Adam's. Validation, checkpoints and the final table see the average;
    gradients are taken elsewhere, and so are the statistics of batch norm and what an [ema] follows: do without both.

    Args:
        parameters: groups of weights, each with its learning rate.
        betas: how far gradients are taken from the fast weights towards their average, above 0 to below 1; and how much
            of the past the running mean of the squared gradient keeps.
        eps: added to the denominator.
        weight_decay: the part of each weight, times the learning rate, taken away at each update.
        warmup: updates over which the rate first rises linearly; they count less in the average.
        weight_power: later updates count more in the average, the n-th by n to this power; 0 for all alike.
    """
    check_betas(betas)
    if betas[0] == 0:
        raise OptionError("betas", "the first is above 0: the average is found from the weights by dividing by it.")
    kind = library("schedulefree", "optimizers").AdamWScheduleFree
    optimizer: torch.optim.Optimizer = kind(
        parameters, betas=betas, eps=eps, weight_decay=weight_decay, warmup_steps=warmup, r=weight_power
    )
    return optimizer
