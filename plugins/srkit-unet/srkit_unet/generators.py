"""A U-Net that enlarges."""

from __future__ import annotations

from typing import Annotated

import torch.nn.functional as F
from msgspec import Meta
from torch import Tensor, nn

from srkit.contracts import Claims
from srkit.errors import OptionError
from srkit_unet.network import UNet

__all__ = ["UNetGenerator"]


class UNetGenerator(nn.Module):
    """A U-Net at LR size and a pixel shuffle: sees far at little cost, and keeps fine detail.

    U-Net: Ronneberger et al. 2015, arXiv 1505.04597. Its output goes through a 3x3 convolution and PixelShuffle and is
    added to the picture enlarged by straight lines (bilinear). The notes leave a U-Net as an idea untried.

    LR (B, 3, h, w) in [0, 1] -> SR (B, 3, h * scale, w * scale), unclamped; any size: the right and the bottom are
    continued with the last pixel up to a multiple of 2^levels, and cut off again.

    Args:
        scale: how many times larger the picture becomes.
        channels: channels at LR size; each level down has twice as many.
        levels: how often the size is halved.
        slope: LeakyReLU's slope below zero.
    """

    claims = Claims(options={"channels": 4, "levels": 2}, exports=("onnx",))

    def __init__(
        self,
        scale: int,
        channels: Annotated[int, Meta(ge=1)] = 32,
        levels: Annotated[int, Meta(ge=1, le=6)] = 3,
        slope: float = 0.1,
    ) -> None:
        super().__init__()
        for key, value in (("scale", scale), ("channels", channels), ("levels", levels)):
            if value < 1:
                raise OptionError(key, f"a whole number from 1, got {value}.")
        self.scale = scale
        self.network = UNet(3, channels, levels, slope, lambda a, b: nn.Conv2d(a, b, 3, padding=1))
        self.tail = nn.Sequential(nn.Conv2d(channels, 3 * scale**2, 3, padding=1), nn.PixelShuffle(scale))

    def forward(self, lr: Tensor) -> Tensor:
        """LR (B, 3, h, w) in [0, 1] -> SR (B, 3, h * scale, w * scale)."""
        seen, _ = self.network(lr)
        plain = F.interpolate(lr, scale_factor=float(self.scale), mode="bilinear", align_corners=False)
        return plain + self.tail(seen)
