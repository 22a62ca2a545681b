"""What degradations draw, kept for people to read; no degradation has to do anything for it."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from torch import Tensor

from srkit.draws import SampleDraws, StreamKey

__all__ = ["RecordedDraws"]

Record = dict[str, list[str]]
"""By the path of names (`jpeg`, `lr_pipeline/first/blur`): what was drawn there, in order."""


class RecordedDraws(SampleDraws):
    """The same streams as `SampleDraws`, with a record of each sample's parameters.

    Numbers from a range and choices among several are kept. What is drawn from 0..1 is not: it decides whether and
    which, and says nothing by itself. Values taken from `generators()` are not seen, unless `note` is told of them. A
    degradation that knows better words for what it drew may `say` them, where its draws have such a method.

    Args:
        key, samples, name: as for `SampleDraws`.
        records: one a sample, filled as things are drawn.
    """

    def __init__(self, key: StreamKey, samples: Sequence[int], name: str, records: list[Record]) -> None:
        super().__init__(key, samples, name)
        self.records = records

    def uniform(self, low: float = 0.0, high: float = 1.0) -> Tensor:
        values = super().uniform(low, high)
        if (low, high) != (0.0, 1.0):
            for place, value in enumerate(values.tolist()):
                self.note(place, value)
        return values

    def integers(self, low: int, high: int) -> Tensor:
        values = super().integers(low, high)
        for place, value in enumerate(values.tolist()):
            self.note(place, value)
        return values

    def choice(self, options: Sequence[Any], weights: Sequence[float] | None = None) -> list[Any]:
        values = super().choice(options, weights)
        if len(options) > 1:
            for place, value in enumerate(values):
                self.note(place, value)
        return values

    def child(self, name: str) -> RecordedDraws:
        return RecordedDraws(self.key, self.samples, f"{self.name}/{name}", self.records)

    def note(self, place: int, value: Any) -> None:
        """Keep what the sample at a place of the batch drew."""
        text = f"{value:.3g}" if isinstance(value, float) else str(value)
        self.records[place].setdefault(self.name, []).append(text)

    def say(self, place: int, text: str) -> None:
        """Keep a degradation's own words in place of the numbers."""
        self.records[place][self.name] = [text]
