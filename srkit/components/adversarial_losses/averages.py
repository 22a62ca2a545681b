"""Means of logits over the whole batch, also where its samples are spread over several processes."""

from __future__ import annotations

from typing import Any

import torch
import torch.distributed as dist
from torch import Tensor

__all__ = ["averages"]


class _MeanOfProcesses(torch.autograd.Function):
    """The mean over processes; its gradient is the mean of their gradients, as each process's value has 1/n share."""

    @staticmethod
    def forward(ctx: Any, value: Tensor) -> Tensor:
        return _mean(value)

    @staticmethod
    def backward(ctx: Any, *gradients: Tensor) -> Tensor:
        return _mean(gradients[0])


def _mean(value: Tensor) -> Tensor:
    total = value.clone()
    dist.all_reduce(total)
    return total / dist.get_world_size()


def averages(real: Tensor, fake: Tensor) -> tuple[Tensor, Tensor]:
    """The mean of all originals' logits and of all fakes', over every process's equal share of the batch.

    Processes exchange them in one call, in the forward pass and in the backward pass again; all of them must take part.
    """
    means = torch.stack([real.mean(), fake.mean()])
    if dist.is_available() and dist.is_initialized() and dist.get_world_size() > 1:
        means = _MeanOfProcesses.apply(means)
    mean_real, mean_fake = means.unbind()
    return mean_real, mean_fake
