"""A generator that is made of a block of the user's choice."""

from __future__ import annotations

from torch import Tensor, nn

from srkit.contracts import Block, Claims, Factory
from srkit.errors import OptionError


class Stacked(nn.Module):
    """Blocks of anyone's, one after another, between two convolutions and a pixel shuffle.

    LR (B, 3, h, w) in [0, 1] -> SR (B, 3, h * scale, w * scale), unclamped.

    Args:
        block: what is stacked.
        depth: how many of them.
        channels: how wide they are.
    """

    claims = Claims(options={"depth": 2, "channels": 8}, exports=("torchscript", "onnx"))

    def __init__(self, scale: int, block: Factory[Block], depth: int = 8, channels: int = 64) -> None:
        super().__init__()
        if depth < 1:
            raise OptionError("depth", f"at least one block, got {depth}.")
        self.head = nn.Conv2d(3, channels, 3, padding=1)
        self.body = nn.Sequential(*(block(channels=channels) for _ in range(depth)))
        self.tail = nn.Sequential(nn.Conv2d(channels, 3 * scale**2, 3, padding=1), nn.PixelShuffle(scale))

    def forward(self, lr: Tensor) -> Tensor:
        """(B, 3, h, w) -> (B, 3, h * scale, w * scale)."""
        return self.tail(self.body(self.head(lr)))
