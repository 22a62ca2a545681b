"""Adam and AdamW, torch's own."""

from __future__ import annotations

from typing import Annotated, Any

import torch
from msgspec import Meta

from srkit.errors import OptionError

__all__ = ["adam", "adamw"]

# Never fused=True: torch 2.14's fused CPU kernels walk raw memory, so a state that comes back contiguous beside
# channels_last weights (any checkpoint) is applied in the wrong order, silently.


def adam(
    parameters: list[dict[str, Any]],
    betas: tuple[float, float] = (0.9, 0.999),
    eps: Annotated[float, Meta(gt=0)] = 1e-8,
    weight_decay: Annotated[float, Meta(ge=0)] = 0.0,
    amsgrad: bool = False,
) -> torch.optim.Optimizer:
    """Adam: step sizes that adapt to each weight; the field's usual choice.

    Kingma and Ba 2014, arXiv 1412.6980; `torch.optim.Adam`. GANs often take betas = [0.9, 0.99].

    Args:
        parameters: groups of weights, each with its learning rate.
        betas: how much of the past the running means of gradient and squared gradient keep, each from 0 to below 1.
        eps: added to the denominator.
        weight_decay: L2 penalty, added to the gradient.
        amsgrad: divide by the largest running mean so far (arXiv 1904.09237).
    """
    check_betas(betas)
    return torch.optim.Adam(parameters, betas=betas, eps=eps, weight_decay=weight_decay, amsgrad=amsgrad)


def adamw(
    parameters: list[dict[str, Any]],
    betas: tuple[float, float] = (0.9, 0.999),
    eps: Annotated[float, Meta(gt=0)] = 1e-8,
    weight_decay: Annotated[float, Meta(ge=0)] = 1e-2,
    amsgrad: bool = False,
) -> torch.optim.Optimizer:
    """AdamW: Adam with the weight decay apart from the gradient.

    Loshchilov and Hutter 2017, arXiv 1711.05101; `torch.optim.AdamW`.

    Args:
        parameters: groups of weights, each with its learning rate.
        betas: how much of the past the running means of gradient and squared gradient keep, each from 0 to below 1.
        eps: added to the denominator.
        weight_decay: the part of each weight, times the learning rate, taken away at each update.
        amsgrad: divide by the largest running mean so far (arXiv 1904.09237).
    """
    check_betas(betas)
    return torch.optim.AdamW(parameters, betas=betas, eps=eps, weight_decay=weight_decay, amsgrad=amsgrad)


def check_betas(betas: tuple[float, float]) -> None:
    """Refuse running means that never forget or go wrong."""
    if not all(0 <= beta < 1 for beta in betas):
        raise OptionError("betas", f"both go from 0 to below 1, got {list(betas)}.")
