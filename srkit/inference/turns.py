"""The eight turns and mirrorings of a picture, for averaging a network's results over them."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import product

import numpy as np
from torch import Tensor

from srkit.inference.tiles import Box

__all__ = ["ALL_TURNS", "UPRIGHT", "Turn"]


@dataclass(frozen=True)
class Turn:
    """First the axes are exchanged, then each is reversed, where so said."""

    transpose: bool
    upside_down: bool
    mirrored: bool

    def view(self, image: np.ndarray) -> np.ndarray:
        """(h, w, 3) turned; a view."""
        image = image.swapaxes(0, 1) if self.transpose else image
        image = image[::-1] if self.upside_down else image
        return image[:, ::-1] if self.mirrored else image

    def box(self, box: Box, height: int, width: int) -> Box:
        """Where a part of the upright picture of that size lies in the turned one."""
        top, left, bottom, right = box.top, box.left, box.bottom, box.right
        if self.transpose:
            top, left, bottom, right, height, width = left, top, right, bottom, width, height
        if self.upside_down:
            top, bottom = height - bottom, height - top
        if self.mirrored:
            left, right = width - right, width - left
        return Box(top, left, bottom, right)

    def back(self, image: Tensor) -> Tensor:
        """(..., h, w) of the turned picture, upright again."""
        axes = [axis for axis, is_reversed in ((-2, self.upside_down), (-1, self.mirrored)) if is_reversed]
        image = image.flip(axes) if axes else image
        return image.transpose(-2, -1) if self.transpose else image


UPRIGHT = Turn(False, False, False)
ALL_TURNS = tuple(Turn(*one) for one in product((False, True), repeat=3))
