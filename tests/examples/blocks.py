"""A block that weighs its channels by what the whole picture holds."""

from __future__ import annotations

from torch import Tensor, nn

from srkit.errors import OptionError


class Excited(nn.Module):
    """A convolution whose channels are turned up or down by their means over the picture, beside a skip.

    Hu et al. 2018, arXiv 1709.01507. (B, channels, h, w) -> the same shape.

    Args:
        reduction: the channels are this many times fewer in between.
    """

    def __init__(self, channels: int, reduction: int = 4) -> None:
        super().__init__()
        if not 1 <= reduction <= channels:
            raise OptionError("reduction", f"from 1 to the number of channels, {channels}; got {reduction}.")
        few = channels // reduction
        self.layer = nn.Conv2d(channels, channels, 3, padding=1)
        self.gate = nn.Sequential(nn.Conv2d(channels, few, 1), nn.ReLU(), nn.Conv2d(few, channels, 1), nn.Sigmoid())

    def forward(self, x: Tensor) -> Tensor:
        """(B, channels, h, w) -> the same shape."""
        y = self.layer(x)
        return x + y * self.gate(y.mean((2, 3), keepdim=True))
