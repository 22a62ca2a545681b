"""Real-ESRGAN's discriminator: a U-Net with spectral norm, a logit for each pixel."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated

import torch.nn.functional as F
from msgspec import Meta
from torch import Tensor, nn

from srkit.components.discriminators.spectral import SpectralConv2d
from srkit.components.discriminators.units import check_size
from srkit.components.foreign import shape
from srkit.contracts import Foreign
from srkit.errors import OptionError

__all__ = ["Unet"]


class Unet(nn.Module):
    """U-Net discriminator with spectral norm, a logit for each pixel; Real-ESRGAN's.

    Wang et al. 2021, arXiv 2107.10833 (UNetDiscriminatorSN), with C = `channels`: conv 3x3 C; three of conv 4x4 with
    stride 2 to 2C, 4C, 8C; three of bilinear doubling and conv 3x3 to 4C, 2C, C, each joined by addition with what the
    way down had at that size; two of conv 3x3 C; conv 3x3 1. LeakyReLU 0.2. Spectral norm (Miyato et al. 2018, arXiv
    1802.05957) on all but the first and the last, which alone have biases. Key names as published: `conv0` to
    `conv9`, with `weight_orig`, `weight_u`, `weight_v`. 4,376,897 parameters with 64 channels.

    Image (B, 3, H, W) -> logits (B, 1, H, W); sides of at least 8 pixels, not only multiples of 8.

    Args:
        channels: channels of the first convolution (C).
        skips: add on the way up what the way down had at the same size.

    Attributes:
        least_size: the smallest side of a picture, in pixels.
    """

    least_size = 8

    def __init__(self, channels: Annotated[int, Meta(ge=1)] = 64, skips: bool = True) -> None:
        super().__init__()
        if channels < 1:
            raise OptionError("channels", f"unet needs at least one channel, got {channels}.")
        c = channels
        self.skips = skips
        self.conv0 = nn.Conv2d(3, c, 3, padding=1)
        self.conv1 = SpectralConv2d(c, 2 * c, 4, stride=2, padding=1, bias=False)
        self.conv2 = SpectralConv2d(2 * c, 4 * c, 4, stride=2, padding=1, bias=False)
        self.conv3 = SpectralConv2d(4 * c, 8 * c, 4, stride=2, padding=1, bias=False)
        self.conv4 = SpectralConv2d(8 * c, 4 * c, 3, padding=1, bias=False)
        self.conv5 = SpectralConv2d(4 * c, 2 * c, 3, padding=1, bias=False)
        self.conv6 = SpectralConv2d(2 * c, c, 3, padding=1, bias=False)
        self.conv7 = SpectralConv2d(c, c, 3, padding=1, bias=False)
        self.conv8 = SpectralConv2d(c, c, 3, padding=1, bias=False)
        self.conv9 = nn.Conv2d(c, 1, 3, padding=1)
        self.activation = nn.LeakyReLU(0.2, inplace=True)

    @staticmethod
    def recognize(weights: Mapping[str, Tensor], ordered: bool) -> Foreign | None:
        """Real-ESRGAN's UNetDiscriminatorSN, which has these names; for `srkit import`."""
        if "conv1.weight_orig" not in weights or "conv9.weight" not in weights:
            return None
        assumed = "skips = true, as published: the file does not say"
        return Foreign(
            "Real-ESRGAN's UNetDiscriminatorSN", {"channels": shape(weights, "conv0.weight", 0)}, weights, (assumed,)
        )

    def forward(self, image: Tensor) -> Tensor:
        """Image (B, 3, H, W) -> logits (B, 1, H, W)."""
        check_size("unet", image, self.least_size)
        seen = [self.activation(self.conv0(image))]
        for down in (self.conv1, self.conv2, self.conv3):
            seen.append(self.activation(down(seen[-1])))
        x = seen.pop()
        for up in (self.conv4, self.conv5, self.conv6):
            passed = seen.pop()
            x = F.interpolate(x, size=passed.shape[-2:], mode="bilinear", align_corners=False)
            x = self.activation(up(x))
            if self.skips:
                x = x + passed
        x = self.activation(self.conv8(self.activation(self.conv7(x))))
        return self.conv9(x)
