"""EDSR: residual blocks without batch norm, then pixel shuffles."""

from __future__ import annotations

from collections.abc import Mapping
from math import prod
from typing import Annotated

import torch
from msgspec import Meta
from torch import Tensor, nn

from srkit.components.blocks.layers import check_range
from srkit.components.blocks.residual import Residual
from srkit.components.foreign import count, shape
from srkit.components.generators.upsampling import steps_of
from srkit.contracts import Foreign
from srkit.errors import OptionError

__all__ = ["Edsr"]

LARGE = 256  # channels of the published large form


class Edsr(nn.Module):
    """EDSR: residual blocks without batch norm, pixel shuffles; strong in PSNR.

    Lim et al. 2017, arXiv 1707.02921. The mean colour is taken off and the values stretched to `value_range` first,
    and both undone at the end. Conv 3x3, blocks, conv, long skip; conv and PixelShuffle for each doubling; conv 3x3.
    Key names as BasicSR's EDSR: `conv_first`, `body.N.conv1`, `body.N.conv2`, `conv_after_body`, `upsample.K`,
    `conv_last`. The defaults are the baseline, 1,517,571 parameters at scale 4; the large form, 43,089,923, is
    `channels = 256`, `blocks = 32`, `residual_scale = 0.1`.

    LR (B, 3, h, w) in [0, 1] -> SR (B, 3, h * scale, w * scale). Scales 1, 2, 3, 4, 8.

    Args:
        scale: how many times larger the picture becomes.
        channels: channels of the trunk.
        blocks: residual blocks in the trunk.
        residual_scale: what each block's branch is multiplied with.
        value_range: what white is inside the network, 255 as published; 1 leaves the values as they are.
        mean: the colour taken off, R, G, B in 0..1; the default is DIV2K's.
    """

    mean: Tensor

    def __init__(
        self,
        scale: int,
        channels: Annotated[int, Meta(ge=1)] = 64,
        blocks: Annotated[int, Meta(ge=1)] = 16,
        residual_scale: float = 1.0,
        value_range: Annotated[float, Meta(gt=0)] = 255.0,
        mean: tuple[float, float, float] = (0.4488, 0.4371, 0.404),
    ) -> None:
        super().__init__()
        check_range("channels", channels, 1)
        check_range("blocks", blocks, 1)
        if value_range <= 0:
            raise OptionError("value_range", f"a number above 0, got {value_range}.")
        self.value_range = value_range
        # Not saved, as BasicSR's files do not have it either.
        self.register_buffer("mean", torch.tensor(mean).view(1, 3, 1, 1), persistent=False)
        self.conv_first = nn.Conv2d(3, channels, 3, padding=1)
        self.body = nn.Sequential(*(Residual(channels, residual_scale=residual_scale) for _ in range(blocks)))
        self.conv_after_body = nn.Conv2d(channels, channels, 3, padding=1)
        self.upsample = nn.Sequential()
        for step in steps_of(scale, "edsr"):
            self.upsample.append(nn.Conv2d(channels, channels * step**2, 3, padding=1))
            self.upsample.append(nn.PixelShuffle(step))
        self.conv_last = nn.Conv2d(channels, 3, 3, padding=1)

    @staticmethod
    def recognize(weights: Mapping[str, Tensor], ordered: bool) -> Foreign | None:
        """BasicSR's layout, which has these names; for `srkit import`."""
        if "body.0.conv1.weight" not in weights or "conv_after_body.weight" not in weights:
            return None
        channels, blocks = shape(weights, "conv_first.weight", 0), count(weights, r"body\.(\d+)\.")
        places = [f"upsample.{place}.weight" for place in range(0, count(weights, r"upsample\.(\d+)\."), 2)]
        scale = prod(round((shape(weights, place, 0) / max(1, channels)) ** 0.5) for place in places)
        # as the two published forms have it
        residual_scale = 0.1 if channels >= LARGE else 1.0
        assumed = f"residual_scale = {residual_scale}, value_range = 255, DIV2K's mean colour: the file does not say"
        options = {"scale": scale, "channels": channels, "blocks": blocks, "residual_scale": residual_scale}
        return Foreign("EDSR as BasicSR has it", options, weights, (assumed,))

    def forward(self, lr: Tensor) -> Tensor:
        """LR (B, 3, h, w) in [0, 1] -> SR (B, 3, h * scale, w * scale)."""
        mean = self.mean.to(lr.dtype)
        x = self.conv_first((lr - mean) * self.value_range)
        x = x + self.conv_after_body(self.body(x))
        return self.conv_last(self.upsample(x)) / self.value_range + mean
