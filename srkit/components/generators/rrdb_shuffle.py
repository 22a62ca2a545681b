"""The notes' final generator: groups of dilated and dense blocks, then pixel shuffles with convolutions after them."""

from __future__ import annotations

from typing import Annotated

from msgspec import Meta
from torch import Tensor, nn

from srkit.components.blocks.layers import check_range
from srkit.components.blocks.residual_in_residual import ResidualInResidual
from srkit.components.generators.upsampling import steps_of

__all__ = ["RrdbShuffle"]


DENSE = {"use": "residual-dense", "layers": 3, "growth": 0, "slope": 0.1, "init": "torch"}


class RrdbShuffle(nn.Module):
    """The notes' final generator: groups of dilated and dense blocks, pixel shuffle.

    Conv 5x5 3 -> C; 16 groups, each x + 0.2 * (dilated, dense-3, dilated, dense-3, dilated, dense-3)(x), dense growth
    C; for each doubling conv 3x3 C -> 2C, LeakyReLU, 1x1 2C -> 4C, LeakyReLU, PixelShuffle 2, conv 3x3 C -> C,
    LeakyReLU; at the end conv 3x3 C -> 3. All LeakyReLU 0.1, biases everywhere, no long skip, no output activation.
    16,293,763 parameters at scale 2. At scale 4 two doublings, with a convolution between them and one after.

    LR (B, 3, h, w) in [0, 1] -> SR (B, 3, h * scale, w * scale). Scales 1, 2, 3, 4, 8.

    Args:
        scale: how many times larger the picture becomes.
        channels: channels of the trunk (C).
        blocks: groups in the trunk.
        checkpoint: keep only each group's input for the gradient and compute its insides again: less memory, slower.
    """

    def __init__(
        self,
        scale: int,
        channels: Annotated[int, Meta(ge=1)] = 64,
        blocks: Annotated[int, Meta(ge=1)] = 16,
        checkpoint: bool = False,
    ) -> None:
        super().__init__()
        check_range("channels", channels, 1)
        check_range("blocks", blocks, 1)
        c = channels
        self.head = nn.Conv2d(3, c, 5, padding=2)
        self.body = nn.Sequential(
            *(ResidualInResidual(c, blocks=("dilated", DENSE), repeat=3, checkpoint=checkpoint) for _ in range(blocks))
        )
        self.tail = nn.Sequential()
        steps = steps_of(scale, "rrdb-shuffle")
        for step in steps:
            self.tail.extend([nn.Conv2d(c, 2 * c, 3, padding=1), nn.LeakyReLU(0.1, inplace=True)])
            self.tail.extend([nn.Conv2d(2 * c, c * step**2, 1), nn.LeakyReLU(0.1, inplace=True), nn.PixelShuffle(step)])
            self.tail.extend([nn.Conv2d(c, c, 3, padding=1), nn.LeakyReLU(0.1, inplace=True)])
        if not steps:
            self.tail.extend([nn.Conv2d(c, c, 3, padding=1), nn.LeakyReLU(0.1, inplace=True)])
        self.tail.append(nn.Conv2d(c, 3, 3, padding=1))

    def forward(self, lr: Tensor) -> Tensor:
        """LR (B, 3, h, w) in [0, 1] -> SR (B, 3, h * scale, w * scale)."""
        return self.tail(self.body(self.head(lr)))
