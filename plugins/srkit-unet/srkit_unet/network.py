"""The U-Net that both networks are made of."""

from __future__ import annotations

from collections.abc import Callable

import torch
import torch.nn.functional as F
from torch import Tensor, nn

__all__ = ["UNet"]

Convolution = Callable[[int, int], nn.Module]


class UNet(nn.Module):
    """Down and up again: what each size sees joins the way back up.

    Ronneberger et al. 2015, arXiv 1505.04597, with convolutions that keep the size, LeakyReLU, averages of 2 x 2 on the
    way down and nearest neighbours on the way up. (B, inputs, h, w) -> (B, channels, h, w), any size: the right and the
    bottom are continued with the last pixel up to a multiple of 2^levels, and that is cut off at the end.

    Args:
        inputs: channels that come in.
        channels: channels at full size; each level down has twice as many.
        levels: how often the size is halved.
        slope: LeakyReLU's slope below zero.
        convolution: makes a 3x3 convolution of (inputs, outputs) that keeps the size.
    """

    def __init__(self, inputs: int, channels: int, levels: int, slope: float, convolution: Convolution) -> None:
        super().__init__()
        self.multiple = 2**levels

        def pair(before: int, after: int) -> nn.Sequential:
            layers = [convolution(before, after), nn.LeakyReLU(slope, inplace=True)]
            return nn.Sequential(*layers, convolution(after, after), nn.LeakyReLU(slope, inplace=True))

        widths = [channels * 2**level for level in range(levels + 1)]
        self.down = nn.ModuleList(pair(before, after) for before, after in zip([inputs, *widths], widths, strict=False))
        self.up = nn.ModuleList(pair(3 * width, width) for width in reversed(widths[:-1]))

    def forward(self, x: Tensor) -> tuple[Tensor, Tensor]:
        """(B, inputs, h, w) -> (B, channels, h, w) and what the smallest size saw, (B, channels * 2^levels, h', w')."""
        height, width = x.shape[-2:]
        x = F.pad(x, (0, -width % self.multiple, 0, -height % self.multiple), "replicate")
        skips: list[Tensor] = []
        for number, layers in enumerate(self.down):
            x = layers(F.avg_pool2d(x, 2) if number else x)
            skips.append(x)
        bottom = skips.pop()
        for layers in self.up:
            enlarged = F.interpolate(x, scale_factor=2.0, mode="nearest")
            x = layers(torch.cat([enlarged, skips.pop()], 1))
        return x[..., :height, :width], bottom
