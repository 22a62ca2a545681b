"""The unit that `patch` and `dilated` are built of, and the ways to halve the size."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from torch import Tensor, nn

from srkit.components.discriminators.spectral import SpectralConv2d
from srkit.errors import OptionError, UserError

__all__ = ["Activation", "Downsampling", "Norm", "Units", "check_dropout", "check_size"]

Activation = Literal["leaky-relu", "relu", "prelu"]
Downsampling = Literal["max-pool", "convolution", "stride"]
Norm = Literal["batch", "spectral", "none"]


@dataclass(frozen=True)
class Units:
    """Makes convolutions of one style, each with its norm and activation.

    Attributes:
        norm: batch norm after the convolution, whose shift takes the place of the bias; spectral norm of its weight
            (with a bias); or none.
        activation: what follows; LeakyReLU has slope 0.1.
    """

    norm: Norm = "batch"
    activation: Activation = "leaky-relu"

    def __call__(self, inputs: int, outputs: int, kernel: int, dilation: int = 1, stride: int = 1) -> list[nn.Module]:
        """A convolution that keeps the size (or halves it with stride 2, rounding up), norm, activation."""
        padding, bias = dilation * (kernel // 2), self.norm != "batch"
        if self.norm == "spectral":
            layers: list[nn.Module] = [SpectralConv2d(inputs, outputs, kernel, stride, padding, dilation, bias)]
        else:
            layers = [nn.Conv2d(inputs, outputs, kernel, stride, padding, dilation, bias=bias)]
        if self.norm == "batch":
            layers.append(nn.BatchNorm2d(outputs))
        return [*layers, self.make_activation()]

    def level(self, plan: list[tuple[int, int, int]], downsampling: Downsampling) -> list[nn.Module]:
        """Units of (inputs, outputs, kernel) one after the other, then half the size."""
        layers: list[nn.Module] = []
        for number, (inputs, outputs, kernel) in enumerate(plan, 1):
            is_strided = downsampling == "stride" and number == len(plan)
            layers += self(inputs, outputs, kernel, stride=2 if is_strided else 1)
        if downsampling == "max-pool":
            layers.append(nn.MaxPool2d(2))
        elif downsampling == "convolution":
            layers += self(plan[-1][1], plan[-1][1], 3, stride=2)
        return layers

    def make_activation(self) -> nn.Module:
        """A fresh activation module."""
        if self.activation == "leaky-relu":
            return nn.LeakyReLU(0.1, inplace=True)
        return nn.ReLU(inplace=True) if self.activation == "relu" else nn.PReLU()

    def last(self, inputs: int) -> nn.Module:
        """The 1x1 convolution that gives the logits."""
        return SpectralConv2d(inputs, 1, 1) if self.norm == "spectral" else nn.Conv2d(inputs, 1, 1)


def check_dropout(name: str, dropout: float) -> None:
    """Raise `OptionError` where a chance is not one, or 1."""
    if not 0 <= dropout < 1:
        raise OptionError("dropout", f"{name} takes a chance from 0 to below 1, got {dropout}.")


def check_size(name: str, image: Tensor, least: int) -> None:
    """Raise `UserError` where a side is shorter than the least a discriminator can judge."""
    if min(image.shape[-2:]) < least:
        raise UserError(
            f"the discriminator {name!r} needs pictures of at least {least} pixels a side, got "
            f"{image.shape[-1]} x {image.shape[-2]}: raise data.patch_size"
        )
