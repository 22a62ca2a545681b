"""The random streams of single samples of a batch, so that each can be treated on its own."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import torch
from torch import Tensor

from srkit.contracts import Draws

__all__ = ["DrawsOfOne", "one_by_one", "say"]


def say(draws: Draws, words: Sequence[str]) -> None:
    """What was drawn for each sample, in words, where somebody keeps a record (`srkit data` does).

    `#2` in the words stands for the second of a component's parts, and is shown as that part's name.
    """
    keep = getattr(draws, "say", None)
    if keep is not None:
        for place, text in enumerate(words):
            keep(place, text)


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
        values = torch.cat([torch.rand(1, generator=stream) for stream in self.generators()]) * (high - low) + low
        if (low, high) != (0.0, 1.0):
            self._note(values.tolist()[0])
        return values

    def integers(self, low: int, high: int) -> Tensor:
        values = torch.cat([torch.randint(low, high + 1, (1,), generator=stream) for stream in self.generators()])
        self._note(values.tolist()[0])
        return values

    def choice(self, options: Sequence[Any], weights: Sequence[float] | None = None) -> list[Any]:
        chances = torch.tensor(weights if weights is not None else [1.0] * len(options), dtype=torch.float64)
        edges = (chances / chances.sum()).cumsum(0)
        picks = torch.searchsorted(edges, self.uniform().double(), right=True).clamp(max=len(options) - 1)
        values = [options[int(pick)] for pick in picks]
        if len(options) > 1:
            self._note(values[0])
        return values

    def normal(self, *shape: int) -> Tensor:
        return torch.stack([torch.randn(shape, generator=stream) for stream in self.generators()])

    def child(self, name: str) -> DrawsOfOne:
        return DrawsOfOne(self.family.child(name, self.place), self.place)

    def say(self, place: int, text: str) -> None:
        """Pass the words on to the batch's draws; `place` is 0, since there is one sample."""
        keep = getattr(self.family.draws, "say", None)
        if keep is not None:
            keep(self.place + place, text)

    def _note(self, value: Any) -> None:
        """Tell the batch's draws, where they keep a record of what is drawn."""
        note = getattr(self.family.draws, "note", None)
        if note is not None:
            note(self.place, value)
