"""A metric: a number for each picture."""

from __future__ import annotations

from torch import Tensor


class WorstPixel:
    """The largest error of a pixel in levels of 255; lower is better."""

    unit = "levels"
    higher_is_better = False

    def __call__(self, sr: Tensor, hr: Tensor) -> Tensor:
        """(B, 3, H, W) twice -> (B,)."""
        return 255 * (sr - hr).abs().amax((1, 2, 3))
