"""The dense block with a scaled skip: ESRGAN's with five convolutions, the notes' with three."""

from __future__ import annotations

from typing import Annotated, Literal

import torch
from msgspec import Meta
from torch import Tensor, nn

from srkit.components.blocks.layers import check_range, make_activation, run, skip

__all__ = ["ResidualDense"]


class ResidualDense(nn.Module):
    """Dense block with a scaled skip: each convolution sees the input and all before it.

    ESRGAN's (Wang et al. 2018, arXiv 1809.00219) by default, key names `conv1` to `conv5` as published: 3x3
    convolutions, each but the last giving `growth` channels through LeakyReLU, the last giving `channels` without; x +
    residual_scale * (...). The notes (experiments/notes.md) use `layers = 3`, `growth = 0`, `slope = 0.1`, `init =
    "torch"`. (B, channels, h, w) -> the same shape, any size; sees `layers` pixels to each side.

    Args:
        channels: channels of input and output.
        layers: how many convolutions.
        growth: channels each convolution but the last adds; 0 means as many as `channels`.
        slope: LeakyReLU's slope below zero.
        residual_scale: what the branch is multiplied with.
        init: "small" draws He-normal weights times 0.1 and zero biases as ESRGAN does, "torch" leaves torch's own.
        inplace: let activations overwrite their input, which saves memory and changes no value.
        checkpoint: compute the block's insides again for the gradient instead of keeping them.
    """

    def __init__(
        self,
        channels: int,
        layers: Annotated[int, Meta(ge=1)] = 5,
        growth: Annotated[int, Meta(ge=0)] = 32,
        slope: float = 0.2,
        residual_scale: float = 0.2,
        init: Literal["small", "torch"] = "small",
        inplace: bool = True,
        checkpoint: bool = False,
    ) -> None:
        super().__init__()
        check_range("channels", channels, 1)
        check_range("layers", layers, 1)
        check_range("growth", growth, 0)
        self.layers = layers
        self.residual_scale = residual_scale
        self.checkpoint = checkpoint
        growth = growth or channels
        for number in range(1, layers + 1):
            outputs = growth if number < layers else channels
            convolution = nn.Conv2d(channels + (number - 1) * growth, outputs, 3, padding=1)
            if init == "small":
                nn.init.kaiming_normal_(convolution.weight)
                with torch.no_grad():
                    convolution.weight.mul_(0.1)
                nn.init.zeros_(convolution.bias)  # type: ignore[arg-type]  # this convolution has a bias
            self.add_module(f"conv{number}", convolution)
        self.activation = make_activation("leaky-relu", slope, inplace)

    def branch(self, x: Tensor) -> Tensor:
        """What is added to the input, before it is scaled."""
        found = [x]
        for number in range(1, self.layers):
            seen = torch.cat(found, 1) if len(found) > 1 else x
            found.append(self.activation(self.get_submodule(f"conv{number}")(seen)))
        return self.get_submodule(f"conv{self.layers}")(torch.cat(found, 1) if len(found) > 1 else x)

    def forward(self, x: Tensor) -> Tensor:
        """(B, channels, h, w) -> (B, channels, h, w)."""
        return skip(x, run(self.branch, x, self.checkpoint), self.residual_scale)
