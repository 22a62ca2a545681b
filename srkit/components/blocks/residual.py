"""The residual block of SRResNet and EDSR: two convolutions around a skip."""

from __future__ import annotations

from typing import Annotated

from msgspec import Meta
from torch import Tensor, nn

from srkit.components.blocks.layers import Activation, Norm, check_odd, check_range, make_activation, run, skip
from srkit.errors import OptionError

__all__ = ["Residual"]


class Residual(nn.Module):
    """Two convolutions around a skip: the block of EDSR, with batch norm that of SRResNet.

    x + residual_scale * conv(activation(conv(x))). By default EDSR's (Lim et al. 2017, arXiv 1707.02921) with key
    names `conv1`, `conv2` as BasicSR has them; SRResNet's (Ledig et al. 2016, arXiv 1609.04802) is `norm = "batch"`,
    `activation = "prelu"`. (B, channels, h, w) -> the same shape, any size.

    Args:
        channels: channels of input and output.
        kernel: side of both convolutions, an odd number.
        activation: what stands between the convolutions.
        slope: LeakyReLU's slope below zero.
        norm: "batch" puts batch norm after each convolution, whose shift takes the place of the bias.
        residual_scale: what the branch is multiplied with; EDSR's large form takes 0.1.
        inplace: let the activation overwrite its input, which saves memory and changes no value.
        checkpoint: compute the block's insides again for the gradient instead of keeping them; not with batch norm.
    """

    def __init__(
        self,
        channels: int,
        kernel: Annotated[int, Meta(ge=1)] = 3,
        activation: Activation = "relu",
        slope: float = 0.1,
        norm: Norm = "none",
        residual_scale: float = 1.0,
        inplace: bool = True,
        checkpoint: bool = False,
    ) -> None:
        super().__init__()
        check_range("channels", channels, 1)
        check_odd("kernel", kernel)
        if checkpoint and norm == "batch":
            raise OptionError("checkpoint", "batch norm would count each batch twice; take norm = 'none'.")
        self.residual_scale = residual_scale
        self.checkpoint = checkpoint
        normed = norm == "batch"
        self.conv1 = nn.Conv2d(channels, channels, kernel, padding=kernel // 2, bias=not normed)
        self.norm1 = nn.BatchNorm2d(channels) if normed else nn.Identity()
        self.activation = make_activation(activation, slope, inplace)
        self.conv2 = nn.Conv2d(channels, channels, kernel, padding=kernel // 2, bias=not normed)
        self.norm2 = nn.BatchNorm2d(channels) if normed else nn.Identity()

    def branch(self, x: Tensor) -> Tensor:
        """What is added to the input, before it is scaled."""
        return self.norm2(self.conv2(self.activation(self.norm1(self.conv1(x)))))

    def forward(self, x: Tensor) -> Tensor:
        """(B, channels, h, w) -> (B, channels, h, w)."""
        return skip(x, run(self.branch, x, self.checkpoint), self.residual_scale)
