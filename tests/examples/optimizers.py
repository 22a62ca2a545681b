"""An optimizer of torch's own behind a name."""

from __future__ import annotations

from typing import Any

import torch


def nadam(
    parameters: list[dict[str, Any]], betas: tuple[float, float] = (0.9, 0.999), weight_decay: float = 0.0
) -> torch.optim.Optimizer:
    """Adam with Nesterov momentum (Dozat 2016).

    Args:
        betas: how much of the past the running means of gradients and of their squares keep.
        weight_decay: how strongly weights are drawn to zero.
    """
    return torch.optim.NAdam(parameters, betas=betas, weight_decay=weight_decay)
