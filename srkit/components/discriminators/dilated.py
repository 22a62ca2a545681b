"""The notes' last discriminator: a logit for each place, far sight by dilation instead of more shrinking."""

from __future__ import annotations

from typing import Annotated

from msgspec import Meta
from torch import Tensor, nn

from srkit.errors import OptionError, UserError

__all__ = ["Dilated"]


def unit(inputs: int, outputs: int, kernel: int, dilation: int = 1) -> list[nn.Module]:
    """A convolution that keeps the size, batch norm, LeakyReLU; the norm's shift takes the place of a bias."""
    padding = dilation * (kernel // 2)
    return [
        nn.Conv2d(inputs, outputs, kernel, padding=padding, dilation=dilation, bias=False),
        nn.BatchNorm2d(outputs),
        nn.LeakyReLU(0.1, inplace=True),
    ]


class Dilated(nn.Module):
    """Discriminator with a logit for each place at 1/8 of the size; dilated, batch norm.

    The project's notes (DiscriminatorDilationNetwork), with C = `channels`: 5x5 C, 3x3 C, max-pool, 2 of 3x3 2C,
    max-pool, 2 of 3x3 4C, max-pool, 3x3 8C, 3x3 8C dilation 2, 3x3 8C dilation 4, 3x3 8C, 1x1 16C, 1x1 C, 1x1 1; all
    but the last followed by batch norm and LeakyReLU 0.1. 2,504,001 parameters with 32 channels. There is no pooling
    over the whole picture.

    Image (B, 3, H, W) -> logits (B, 1, H // 8, W // 8); sides of at least 16 pixels.

    Args:
        channels: channels of the first convolutions (C); deeper ones have up to 16 times as many.
        dropout: chance to drop each value before the last three 1x1 convolutions, in training only.

    Attributes:
        least_size: the smallest side of a picture, in pixels; below it batch norm can be left with a single value.
    """

    least_size = 16

    def __init__(
        self, channels: Annotated[int, Meta(ge=1)] = 32, dropout: Annotated[float, Meta(ge=0, lt=1)] = 0.0
    ) -> None:
        super().__init__()
        if channels < 1:
            raise OptionError("channels", f"dilated needs at least one channel, got {channels}.")
        if not 0 <= dropout < 1:
            raise OptionError("dropout", f"dilated takes a chance from 0 to below 1, got {dropout}.")
        c = channels
        self.layers = nn.Sequential(
            *unit(3, c, 5),
            *unit(c, c, 3),
            nn.MaxPool2d(2),
            *unit(c, 2 * c, 3),
            *unit(2 * c, 2 * c, 3),
            nn.MaxPool2d(2),
            *unit(2 * c, 4 * c, 3),
            *unit(4 * c, 4 * c, 3),
            nn.MaxPool2d(2),
            *unit(4 * c, 8 * c, 3),
            *unit(8 * c, 8 * c, 3, dilation=2),
            *unit(8 * c, 8 * c, 3, dilation=4),
            *unit(8 * c, 8 * c, 3),
        )
        self.dropout = nn.Dropout(dropout)
        self.head = nn.Sequential(*unit(8 * c, 16 * c, 1), *unit(16 * c, c, 1), nn.Conv2d(c, 1, 1))

    def forward(self, image: Tensor) -> Tensor:
        """Image (B, 3, H, W) -> logits (B, 1, H // 8, W // 8)."""
        if min(image.shape[-2:]) < self.least_size:
            raise UserError(
                f"the discriminator 'dilated' needs pictures of at least {self.least_size} pixels a side, got "
                f"{image.shape[-1]} x {image.shape[-2]}: raise data.patch_size"
            )
        return self.head(self.dropout(self.layers(image)))
