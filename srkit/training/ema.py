"""The averaged generator: an exponential moving average of its weights."""

from __future__ import annotations

import copy

import torch
from torch import Tensor, nn


class Ema:
    """A copy of a network whose parameters follow the original's; buffers are copied as they are.

    Args:
        network: the network that trains.
        decay: how much of the average stays at each update, in [0, 1). In the first steps less of it does,
            min(decay, (1 + n) / (10 + n)), so that the initial weights are soon forgotten.
    """

    def __init__(self, network: nn.Module, decay: float) -> None:
        self.decay = decay
        self.network = copy.deepcopy(network).requires_grad_(False).eval()
        self._pairs: list[tuple[Tensor, Tensor]] = list(
            zip(self.network.parameters(), network.parameters(), strict=True)
        )
        self._buffers = list(zip(self.network.buffers(), network.buffers(), strict=True))

    @torch.no_grad()
    def update(self, step: int) -> None:
        """Move the average towards the network after its update number `step`, from 1."""
        decay = min(self.decay, (1 + step) / (10 + step))
        averages = [average for average, _ in self._pairs]
        current = [one.detach() for _, one in self._pairs]
        torch._foreach_lerp_(averages, current, 1 - decay)
        for average, buffer in self._buffers:
            average.copy_(buffer)
