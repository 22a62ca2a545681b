"""Resizing single pictures by drawn factors."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

import torch
import torch.nn.functional as F
from torch import Tensor

from srkit.components.single_draws import say
from srkit.contracts import Draws

__all__ = ["ResizeMode", "Resizing", "resized"]

ResizeMode = Literal["area", "bilinear", "bicubic"]


def resized(picture: Tensor, height: int, width: int, mode: ResizeMode) -> Tensor:
    """(1, 3, h, w) -> (1, 3, height, width) by torch's interpolate without antialias, in float32 at least.

    "area" averages all pixels; the other two see 2 x 2 or 4 x 4 pixels and alias when they shrink, as careless
    software does and as Real-ESRGAN wants it.
    """
    exact = picture.to(torch.promote_types(picture.dtype, torch.float32))
    corners = None if mode == "area" else False
    return F.interpolate(exact, size=(height, width), mode=mode, align_corners=corners).to(picture.dtype)


@dataclass(frozen=True)
class Resizing:
    """Draws a factor and a mode for each picture.

    Attributes:
        up, down, keep: how often pictures grow, shrink or stay, in any unit.
        factors: smallest and largest factor; shrinking draws below 1, growing above, evenly.
        modes: the modes to draw from, each alike.
    """

    up: float
    down: float
    keep: float
    factors: tuple[float, float]
    modes: Sequence[ResizeMode] = ("area", "bilinear", "bicubic")

    def drawn(self, draws: Draws) -> list[tuple[float, ResizeMode]]:
        """Factor and mode for each sample."""
        shares: Mapping[str, float] = {"up": self.up, "down": self.down, "keep": self.keep}
        ways = draws.choice(list(shares), list(shares.values()))
        spots, modes = draws.uniform().tolist(), draws.choice(self.modes)
        low, high = self.factors
        factor = {
            "up": lambda spot: 1 + spot * (high - 1),
            "down": lambda spot: low + spot * (1 - low),
            "keep": lambda spot: 1.0,
        }
        found = [(factor[way](spot), mode) for way, spot, mode in zip(ways, spots, modes, strict=True)]
        say(draws, ["none" if factor == 1 else f"{factor:.2f} times, {mode}" for factor, mode in found])
        return found

    def sides(self, height: int, width: int, factor: float) -> tuple[int, int]:
        """The size at this factor, at least one pixel."""
        return max(1, int(height * factor)), max(1, int(width * factor))
