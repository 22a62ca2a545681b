"""Random streams: a function of (seed, attempt, step, substep, sample, name), and of nothing that came before."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor

from srkit.seeds import derived_seed

__all__ = ["SampleDraws", "StreamKey", "derived_seed"]


@dataclass(frozen=True)
class StreamKey:
    """What all samples of one batch share."""

    seed: int
    attempt: int
    step: int
    substep: int = 0


class SampleDraws:
    """`contracts.Draws` on torch's CPU generators, which are made when first drawn from.

    Args:
        key: the batch's part of the key.
        samples: the samples' numbers in the global batch.
        name: the entry the streams belong to.
    """

    def __init__(self, key: StreamKey, samples: Sequence[int], name: str) -> None:
        self.key = key
        self.samples = tuple(samples)
        self.name = name
        self._generators: list[torch.Generator] | None = None

    def __len__(self) -> int:
        return len(self.samples)

    def generators(self) -> list[torch.Generator]:
        if self._generators is None:
            key = (self.key.seed, self.key.attempt, self.key.step, self.key.substep)
            self._generators = [
                torch.Generator().manual_seed(derived_seed(*key, sample, self.name)) for sample in self.samples
            ]
        return self._generators

    def uniform(self, low: float = 0.0, high: float = 1.0) -> Tensor:
        values = torch.cat([torch.rand(1, generator=stream) for stream in self.generators()]) * (high - low) + low
        # rounding may reach the end that is left out
        below = torch.nextafter(torch.tensor(high, dtype=torch.float32), torch.tensor(low, dtype=torch.float32))
        return values.clamp(max=below)

    def integers(self, low: int, high: int) -> Tensor:
        return torch.cat([torch.randint(low, high + 1, (1,), generator=stream) for stream in self.generators()])

    def choice(self, options: Sequence[Any], weights: Sequence[float] | None = None) -> list[Any]:
        chances = torch.tensor(weights if weights is not None else [1.0] * len(options), dtype=torch.float64)
        edges = (chances / chances.sum()).cumsum(0)
        picks = torch.searchsorted(edges, self.uniform().double(), right=True).clamp(max=len(options) - 1)
        return [options[int(pick)] for pick in picks]

    def normal(self, *shape: int) -> Tensor:
        return torch.stack([torch.randn(shape, generator=stream) for stream in self.generators()])

    def child(self, name: str) -> SampleDraws:
        return SampleDraws(self.key, self.samples, f"{self.name}/{name}")
