"""Unsharp masking of the ground truth."""

from __future__ import annotations

from torch import Tensor

from srkit.components.ranges import span
from srkit.components.unsharp import sharpened
from srkit.contracts import Draws
from srkit.errors import OptionError

__all__ = ["UsmSharpen"]


class UsmSharpen:
    """Sharpens by an unsharp mask where there is detail, as Real-ESRGAN does its originals.

    A blur's loss is added where it exceeds a threshold (Wang et al. 2021, arXiv 2107.10833, section 3.4; the
    constants are those of its code). Float (B, 3, h, w) in [0, 1] -> the same shape, in [0, 1].

    Args:
        amount: how much of what the blur takes away is added; two numbers draw one for each picture.
        size: side of the blur's kernel in pixels, odd; its deviation is 0.15 of it.
        threshold: the least difference that is detail, in levels of 255.
    """

    def __init__(self, amount: float | tuple[float, float] = 0.5, size: int = 51, threshold: float = 10.0) -> None:
        self.amount = span("amount", amount, 0)
        if size < 3 or size % 2 == 0:
            raise OptionError("size", f"an odd number from 3, got {size}.")
        if threshold < 0:
            raise OptionError("threshold", f"numbers from 0 are possible, got {threshold}.")
        self.size = size
        self.threshold = threshold

    def __call__(self, batch: Tensor, draws: Draws) -> Tensor:
        """(B, 3, h, w) float -> the same shape and dtype."""
        low, high = self.amount
        amount = low if low == high else draws.uniform(low, high).to(batch.device, batch.dtype).view(-1, 1, 1, 1)
        return sharpened(batch, amount, self.size, self.threshold)
