"""Convolutions one after the other, no skip: what every other block is measured against."""

from __future__ import annotations

from typing import Annotated

from msgspec import Meta
from torch import Tensor, nn

from srkit.components.blocks.layers import Activation, Norm, check_odd, check_range, make_activation, run
from srkit.errors import OptionError

__all__ = ["Plain"]


class Plain(nn.Module):
    """Convolutions with activations one after the other, without a skip.

    `layers` times: convolution, batch norm by option, activation. The body of `compact` and of SRCNN-like networks
    (Dong et al. 2014, arXiv 1501.00092). (B, channels, h, w) -> the same shape, any size.

    Args:
        channels: channels of input and output.
        layers: how many convolutions.
        kernel: side of the convolutions, an odd number.
        activation: what follows each convolution.
        slope: LeakyReLU's slope below zero.
        norm: "batch" puts batch norm between convolution and activation, whose shift takes the place of the bias.
        inplace: let activations overwrite their input, which saves memory and changes no value.
        checkpoint: compute the block's insides again for the gradient instead of keeping them; not with batch norm.
    """

    def __init__(
        self,
        channels: int,
        layers: Annotated[int, Meta(ge=1)] = 1,
        kernel: Annotated[int, Meta(ge=1)] = 3,
        activation: Activation = "leaky-relu",
        slope: float = 0.1,
        norm: Norm = "none",
        inplace: bool = True,
        checkpoint: bool = False,
    ) -> None:
        super().__init__()
        check_range("channels", channels, 1)
        check_range("layers", layers, 1)
        check_odd("kernel", kernel)
        if checkpoint and norm == "batch":
            raise OptionError("checkpoint", "batch norm would count each batch twice; take norm = 'none'.")
        self.checkpoint = checkpoint
        self.layers = nn.Sequential()
        for _ in range(layers):
            self.layers.append(nn.Conv2d(channels, channels, kernel, padding=kernel // 2, bias=norm == "none"))
            if norm == "batch":
                self.layers.append(nn.BatchNorm2d(channels))
            self.layers.append(make_activation(activation, slope, inplace))

    def forward(self, x: Tensor) -> Tensor:
        """(B, channels, h, w) -> (B, channels, h, w)."""
        return run(self.layers, x, self.checkpoint)
