"""Real-ESRGAN's small generator: a plain row of convolutions that learns what nearest enlarging lacks."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Literal

import torch.nn.functional as F
from msgspec import Meta
from torch import Tensor, nn

from srkit.components.blocks.layers import check_range
from srkit.components.foreign import count, shape
from srkit.contracts import Foreign

__all__ = ["Compact"]


class Compact(nn.Module):
    """Real-ESRGAN's small generator (SRVGGNetCompact): a row of convolutions, one shuffle.

    Wang et al. 2021, arXiv 2107.10833, in the form its repository adds for video: conv 3x3, then `layers` times conv
    3x3, each followed by an activation; conv 3x3 to 3 * scale^2, PixelShuffle, plus the nearest-enlarged input. Key
    names `body.N` as published; 621,424 parameters at scale 4 with 16 layers (realesr-animevideov3), 1,213,296 with
    32 (realesr-general-x4v3).

    LR (B, 3, h, w) in [0, 1] -> SR (B, 3, h * scale, w * scale). Any whole scale from 1.

    Args:
        scale: how many times larger the picture becomes.
        channels: channels of all convolutions.
        layers: convolutions between the first and the last.
        activation: what follows each convolution but the last; PReLU has a slope a channel, LeakyReLU has 0.1.
    """

    def __init__(
        self,
        scale: int,
        channels: Annotated[int, Meta(ge=1)] = 64,
        layers: Annotated[int, Meta(ge=0)] = 16,
        activation: Literal["prelu", "relu", "leaky-relu"] = "prelu",
    ) -> None:
        super().__init__()
        check_range("scale", scale, 1)
        check_range("channels", channels, 1)
        check_range("layers", layers, 0)
        self.scale = scale
        self.body = nn.Sequential()
        for number in range(layers + 1):
            self.body.append(nn.Conv2d(channels if number else 3, channels, 3, padding=1))
            if activation == "prelu":
                self.body.append(nn.PReLU(channels))
            else:
                self.body.append(nn.ReLU(inplace=True) if activation == "relu" else nn.LeakyReLU(0.1, inplace=True))
        self.body.append(nn.Conv2d(channels, 3 * scale**2, 3, padding=1))

    @staticmethod
    def recognize(weights: Mapping[str, Tensor], ordered: bool) -> Foreign | None:
        """Real-ESRGAN's own layout, which has these names; for `srkit import`."""
        last = count(weights, r"body\.(\d+)\.") - 1
        scale = round((shape(weights, f"body.{last}.weight", 0) / 3) ** 0.5)
        # without PReLU's slopes ReLU and LeakyReLU cannot be told apart
        if "body.1.weight" not in weights or shape(weights, "body.0.weight", 2) != 3 or scale < 1:
            return None
        options = {"scale": scale, "channels": shape(weights, "body.0.weight", 0), "layers": (last - 2) // 2}
        return Foreign("Real-ESRGAN's SRVGGNetCompact", options, weights)

    def forward(self, lr: Tensor) -> Tensor:
        """LR (B, 3, h, w) in [0, 1] -> SR (B, 3, h * scale, w * scale)."""
        learned = F.pixel_shuffle(self.body(lr), self.scale)
        return learned + F.interpolate(lr, scale_factor=self.scale, mode="nearest")
