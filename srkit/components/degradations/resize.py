"""Resizing by a drawn factor and back, other degradations in between."""

from __future__ import annotations

import torch
from torch import Tensor

from srkit.components.ranges import check_shares
from srkit.components.resizing import ResizeMode, Resizing, resized
from srkit.components.single_draws import one_by_one
from srkit.contracts import Degradation, Draws, Factory
from srkit.errors import OptionError

__all__ = ["Resize"]


class Resize:
    """Up or down by a factor and back, each picture its own; others may come in between.

    Pictures of one batch need one size, and no picture's factor may depend on its batch: so each is brought to its own
    size, spoiled there by what stands in `between`, and brought back to the size it came with. Shrinking is without
    antialias but for "area", as in Real-ESRGAN (Wang et al. 2021, arXiv 2107.10833). Float (B, 3, h, w) -> the same
    shape, not clamped: bicubic overshoots [0, 1]. A picture that keeps its size is not resampled.

    Args:
        between: degradations at the drawn size, in order, such as noise and jpeg.
        factors: smallest and largest factor; shrinking draws evenly below 1, growing evenly above.
        up: how often pictures grow, in the unit of `down` and `keep`.
        down: how often pictures shrink.
        keep: how often pictures stay as large as they are.
        modes: the ways of resampling; one is drawn for each of the two resizes.
    """

    def __init__(
        self,
        between: list[Factory[Degradation]] | None = None,
        factors: tuple[float, float] = (0.15, 1.5),
        up: float = 0.2,
        down: float = 0.7,
        keep: float = 0.1,
        modes: list[ResizeMode] = ["area", "bilinear", "bicubic"],  # noqa: B006  (only read)
    ) -> None:
        if not modes:
            raise OptionError("modes", "an empty list; name at least one.")
        if not 0 < factors[0] <= 1 <= factors[1] < float("inf"):
            raise OptionError("factors", f"one above 0 up to 1 and one from 1, got {list(factors)}.")
        check_shares("up", (up, down, keep))
        self.resizing = Resizing(up, down, keep, factors, tuple(modes))
        self.between = [part() for part in between or []]

    def __call__(self, batch: Tensor, draws: Draws) -> Tensor:
        """(B, 3, h, w) float -> the same shape and dtype."""
        height, width = batch.shape[-2:]
        there, back = self.resizing.drawn(draws), draws.choice(self.resizing.modes)
        inner = [one_by_one(draws.child(str(number))) for number in range(len(self.between))]
        pictures = []
        for place, (factor, mode) in enumerate(there):
            picture = batch[place : place + 1]
            if factor != 1:
                picture = resized(picture, *self.resizing.sides(height, width, factor), mode)
            for part, streams in zip(self.between, inner, strict=True):
                picture = part(picture, streams[place])
            if picture.shape[-2:] != batch.shape[-2:]:
                picture = resized(picture, height, width, back[place])
            pictures.append(picture)
        return torch.cat(pictures)
