"""The random streams of some samples of a batch, so that a part of the batch can be treated on its own."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import torch
from torch import Tensor

from srkit.contracts import Draws

__all__ = ["DrawsOfSome"]


class DrawsOfSome:
    """`contracts.Draws` on streams of another one: the samples keep the streams they have in the whole batch.

    Args:
        draws: the batch's streams.
        places: which samples of the batch, by their place in it.
    """

    def __init__(self, draws: Draws, places: Sequence[int]) -> None:
        self.draws = draws
        self.places = tuple(places)

    def __len__(self) -> int:
        return len(self.places)

    def generators(self) -> list[torch.Generator]:
        streams = self.draws.generators()
        return [streams[place] for place in self.places]

    def uniform(self, low: float = 0.0, high: float = 1.0) -> Tensor:
        return torch.cat([torch.rand(1, generator=stream) for stream in self.generators()]) * (high - low) + low

    def integers(self, low: int, high: int) -> Tensor:
        return torch.cat([torch.randint(low, high + 1, (1,), generator=stream) for stream in self.generators()])

    def choice(self, options: Sequence[Any], weights: Sequence[float] | None = None) -> list[Any]:
        chances = torch.tensor(weights if weights is not None else [1.0] * len(options), dtype=torch.float64)
        edges = (chances / chances.sum()).cumsum(0)
        picks = torch.searchsorted(edges, self.uniform().double(), right=True).clamp(max=len(options) - 1)
        return [options[int(pick)] for pick in picks]

    def normal(self, *shape: int) -> Tensor:
        return torch.stack([torch.randn(shape, generator=stream) for stream in self.generators()])

    def child(self, name: str) -> DrawsOfSome:
        return DrawsOfSome(self.draws.child(name), self.places)
