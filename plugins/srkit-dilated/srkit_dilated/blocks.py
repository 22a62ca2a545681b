"""The notes' dilated block with a mix of dilations in the place of a fixed order."""

from __future__ import annotations

from typing import Annotated, cast

import torch
import torch.nn.functional as F
from msgspec import Meta
from torch import Tensor, nn

from srkit.contracts import Claims
from srkit.errors import OptionError

__all__ = ["DilatedMix"]

Count = Annotated[int, Meta(ge=1)]


class DilatedMix(nn.Module):
    """Dilated convolutions that learn how far each looks; starts as srkit's `dilated`.

    `dilated` (MyDilatedBlock) has a 3x3 convolution for each of its dilations, in order. Here every one of them is
    applied at all dilations at once, with the same weights, and the results are added with factors that train:
    layer i gives sum_j factors[i, j] * conv(x, weight_i, dilation_j) + bias_i, then LeakyReLU. At the start the factors
    are the unit matrix, which is `dilated` exactly. Last a 1x1 convolution; x + residual_scale * (...).

    (B, channels, h, w) -> the same shape, any size. Sees up to (number of dilations) * (the largest one) pixels to each
    side, 12 by default. It has as many weights as `dilated` and 9 numbers more, and computes its 3x3 convolutions as
    often as there are dilations.

    Args:
        channels: channels of input and output.
        dilations: the dilations that are mixed, and the one that each layer begins with.
        slope: LeakyReLU's slope below zero.
        residual_scale: what the branch is multiplied with.
        mix_rate: how many times faster than a weight a factor changes; Adam takes steps of one size for all parameters,
            and a factor has farther to go.

    Attributes:
        mix: what trains: the factors less the unit matrix, divided by `mix_rate`.
    """

    claims = Claims(exports=("torchscript", "onnx"), border=12)

    def __init__(
        self,
        channels: int,
        dilations: Annotated[tuple[Count, ...], Meta(min_length=1)] = (1, 2, 4),
        slope: float = 0.1,
        residual_scale: float = 0.2,
        mix_rate: Annotated[float, Meta(gt=0)] = 10.0,
    ) -> None:
        super().__init__()
        if channels < 1:
            raise OptionError("channels", f"at least one, got {channels}.")
        if not dilations or min(dilations) < 1:
            raise OptionError("dilations", f"at least one whole number from 1, got {list(dilations)}.")
        if mix_rate <= 0:
            raise OptionError("mix_rate", f"it must be above 0, got {mix_rate}.")
        self.dilations, self.slope, self.residual_scale, self.mix_rate = dilations, slope, residual_scale, mix_rate
        # a layer's own convolution is never called: it holds the weights that are used at every dilation
        self.layers = nn.ModuleList(nn.Conv2d(channels, channels, 3) for _ in dilations)
        self.mix = nn.Parameter(torch.zeros(len(dilations), len(dilations)))
        self.last = nn.Conv2d(channels, channels, 1)

    @property
    def factors(self) -> Tensor:
        """What each layer (row) multiplies what it sees at each dilation (column) with."""
        return torch.eye(len(self.dilations)).to(self.mix) + self.mix_rate * self.mix

    def forward(self, x: Tensor) -> Tensor:
        """(B, channels, h, w) -> (B, channels, h, w)."""
        y, factors = x, self.factors
        for number, layer in enumerate(cast(list[nn.Conv2d], self.layers)):
            mixed = torch.zeros_like(y)
            for place, dilation in enumerate(self.dilations):
                seen = F.conv2d(y, layer.weight, padding=dilation, dilation=dilation)
                mixed = mixed + factors[number, place] * seen
            y = F.leaky_relu(mixed + cast(Tensor, layer.bias)[:, None, None], self.slope)
        return x + self.residual_scale * self.last(y)
