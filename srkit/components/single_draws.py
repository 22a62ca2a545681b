"""The random streams of single samples of a batch, so that each can be treated on its own."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import torch
from torch import Tensor

from srkit.contracts import Draws

__all__ = ["DrawsOfOne", "one_by_one"]


def one_by_one(draws: Draws) -> list[DrawsOfOne]:
    """The streams of each sample, which are those it has in the whole batch."""
    family = Family(draws)
    return [DrawsOfOne(family, place) for place in range(len(draws))]


class Family:
    """A batch's streams with their children, which its samples share: making them anew for each would be quadratic."""

    def __init__(self, draws: Draws) -> None:
        self.draws = draws
        self.children: dict[str, Family] = {}
        self.taken: set[tuple[str, int]] = set()

    def child(self, name: str, place: int) -> Family:
        """The family of a child; a sample that asks again gets streams that begin anew."""
        if (name, place) in self.taken:
            return Family(self.draws.child(name))
        self.taken.add((name, place))
        if name not in self.children:
            self.children[name] = Family(self.draws.child(name))
        return self.children[name]


class DrawsOfOne:
    """`contracts.Draws` for one sample, on its stream in the batch.

    Args:
        family: the batch's streams.
        place: the sample's place in the batch.
    """

    def __init__(self, family: Family, place: int) -> None:
        self.family = family
        self.place = place

    def __len__(self) -> int:
        return 1

    def generators(self) -> list[torch.Generator]:
        return [self.family.draws.generators()[self.place]]

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

    def child(self, name: str) -> DrawsOfOne:
        return DrawsOfOne(self.family.child(name, self.place), self.place)
