"""The notes' last discriminator: a logit for each place, far sight by dilation instead of more shrinking."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated

from msgspec import Meta
from torch import Tensor, nn

from srkit.components.discriminators.units import (
    Activation,
    Downsampling,
    Norm,
    Units,
    check_dropout,
    check_size,
)
from srkit.components.discriminators.units_layouts import first_channels, recognized, styles
from srkit.contracts import Foreign
from srkit.errors import OptionError

__all__ = ["Dilated"]


class Dilated(nn.Module):
    """Discriminator with a logit for each place at 1/8 of the size; dilated, batch norm.

    The last form in the notes (experiments/notes.md), with C = `channels`: 5x5 C, 3x3 C, max-pool, 2 of 3x3 2C,
    max-pool, 2 of 3x3 4C, max-pool, 3x3 8C, 3x3 8C dilation 2, 3x3 8C dilation 4, 3x3 8C, 1x1 16C, 1x1 C, 1x1 1; all
    but the last followed by batch norm and LeakyReLU 0.1. 2,504,001 parameters with 32 channels. There is no pooling
    over the whole picture.

    Image (B, 3, H, W) -> logits (B, 1, H // 8, W // 8), rounded up instead where convolutions halve the size; sides of
    at least 16 pixels.

    Args:
        channels: channels of the first convolutions (C); deeper ones have up to 16 times as many.
        downsampling: halve by "max-pool", by one more strided "convolution" in its place, or by a "stride" in the
            convolution before it.
        activation: what follows each convolution but the last; LeakyReLU has slope 0.1.
        norm: batch norm, spectral norm of every weight (arXiv 1802.05957; convolutions then have biases), or none.
        dropout: chance to drop each value before the last three 1x1 convolutions, in training only.

    Attributes:
        least_size: the smallest side of a picture, in pixels; below it batch norm can be left with a single value.
    """

    least_size = 16

    def __init__(
        self,
        channels: Annotated[int, Meta(ge=1)] = 32,
        dropout: Annotated[float, Meta(ge=0, lt=1)] = 0.0,
        downsampling: Downsampling = "max-pool",
        activation: Activation = "leaky-relu",
        norm: Norm = "batch",
    ) -> None:
        super().__init__()
        if channels < 1:
            raise OptionError("channels", f"dilated needs at least one channel, got {channels}.")
        check_dropout("dilated", dropout)
        c = channels
        unit = Units(norm, activation)
        self.layers = nn.Sequential(
            *unit.level([(3, c, 5), (c, c, 3)], downsampling),
            *unit.level([(c, 2 * c, 3), (2 * c, 2 * c, 3)], downsampling),
            *unit.level([(2 * c, 4 * c, 3), (4 * c, 4 * c, 3)], downsampling),
            *unit(4 * c, 8 * c, 3),
            *unit(8 * c, 8 * c, 3, dilation=2),
            *unit(8 * c, 8 * c, 3, dilation=4),
            *unit(8 * c, 8 * c, 3),
        )
        self.dropout = nn.Dropout(dropout)
        self.head = nn.Sequential(*unit(8 * c, 16 * c, 1), *unit(16 * c, c, 1), unit.last(c))

    @staticmethod
    def recognize(weights: Mapping[str, Tensor], ordered: bool) -> Foreign | None:
        """The notes' last discriminator under our names, or under any others in our order; for `srkit import`."""
        channels = first_channels(weights)
        forms = [{"channels": channels, **style} for style in styles(weights)] if channels else []
        return recognized("the notes' last discriminator", weights, ordered, forms, Dilated)

    def forward(self, image: Tensor) -> Tensor:
        """Image (B, 3, H, W) -> logits (B, 1, H // 8, W // 8)."""
        check_size("dilated", image, self.least_size)
        return self.head(self.dropout(self.layers(image)))
