"""The notes' first discriminator: VGG-like, a logit for each place at a quarter or an eighth of the size."""

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
from srkit.components.discriminators.units_layouts import convolutions, first_channels, recognized, styles
from srkit.contracts import Foreign
from srkit.errors import OptionError

__all__ = ["Patch"]

MOST_LEVELS = 6


class Patch(nn.Module):
    """Discriminator like a small VGG with a logit for each place at 1/4 or 1/8 of the size.

    The first form in the notes (experiments/notes.md), with C = `channels`: 5x5 C, 3x3 C, max-pool, 2 of 3x3 2C,
    max-pool, 3x3 4C, 1x1 8C, 1x1 1; all but the last followed by batch norm and LeakyReLU 0.1. Each further level adds
    2 of 3x3 and a max-pool, at twice the channels. There is no pooling over the whole picture (Isola et al. 2016, arXiv
    1611.07004, call that a PatchGAN). Dropout stands before the two 1x1 convolutions.

    Image (B, 3, H, W) -> logits (B, 1, H // 2^levels - 2 border, W // 2^levels - 2 border), rounded up instead where
    convolutions halve the size.

    Args:
        channels: channels of the first convolutions (C).
        levels: how often the size is halved: 2 gives a logit for each 4 x 4 pixels, 3 for each 8 x 8.
        deep: three convolutions a level instead of two.
        border: places cropped from each border of the logits, where the zeros around the picture are seen.
        dropout: chance to drop each value before the last two convolutions, in training only.
        downsampling: halve by "max-pool", by one more strided "convolution" in its place, or by a "stride" in the
            convolution before it.
        activation: what follows each convolution but the last; LeakyReLU has slope 0.1.
        norm: batch norm, spectral norm of every weight (arXiv 1802.05957; convolutions then have biases), or none.

    Attributes:
        least_size: the smallest side of a picture, in pixels, so that at least 2 x 2 logits are left.
    """

    def __init__(
        self,
        channels: Annotated[int, Meta(ge=1)] = 32,
        levels: Annotated[int, Meta(ge=1, le=MOST_LEVELS)] = 2,
        deep: bool = False,
        border: Annotated[int, Meta(ge=0)] = 0,
        dropout: Annotated[float, Meta(ge=0, lt=1)] = 0.0,
        downsampling: Downsampling = "max-pool",
        activation: Activation = "leaky-relu",
        norm: Norm = "batch",
    ) -> None:
        super().__init__()
        for key, value, least in (("channels", channels, 1), ("levels", levels, 1), ("border", border, 0)):
            if value < least:
                raise OptionError(key, f"a whole number from {least}, got {value}.")
        check_dropout("patch", dropout)
        self.border = border
        self.least_size = (2 + 2 * border) * 2**levels
        unit = Units(norm, activation)
        self.layers = nn.Sequential()
        inputs = 3
        for level in range(levels):
            c = channels * 2**level
            plan = [(inputs, c, 3 if level else 5), *[(c, c, 3)] * (2 if deep else 1)]
            self.layers.extend(unit.level(plan, downsampling))
            inputs = c
        self.layers.extend(unit(inputs, 2 * inputs, 3))
        self.dropout = nn.Dropout(dropout)
        self.head = nn.Sequential(*unit(2 * inputs, 4 * inputs, 1), unit.last(4 * inputs))

    @staticmethod
    def recognize(weights: Mapping[str, Tensor], ordered: bool) -> Foreign | None:
        """The notes' first discriminator under our names, or under any others in our order; for `srkit import`."""
        channels = first_channels(weights)
        forms = [
            {"channels": channels, "levels": levels, "deep": deep, **style}
            for levels in range(1, MOST_LEVELS + 1)
            for deep in (False, True)
            for style in styles(weights)
            if channels and convolutions(weights) == levels * (2 + deep + (style["downsampling"] == "convolution")) + 3
        ]
        return recognized("the notes' first discriminator", weights, ordered, forms, Patch, "border = 0")

    def forward(self, image: Tensor) -> Tensor:
        """Image (B, 3, H, W) -> logits (B, 1, H', W')."""
        check_size("patch", image, self.least_size)
        logits = self.head(self.dropout(self.layers(image)))
        border = self.border
        return logits[..., border : logits.shape[-2] - border, border : logits.shape[-1] - border]
