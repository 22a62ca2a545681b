"""U-Nets that judge every pixel, at several sizes of the picture."""

from __future__ import annotations

from typing import Annotated

import torch.nn.functional as F
from msgspec import Meta
from torch import Tensor, nn
from torch.nn.utils.parametrizations import spectral_norm

from srkit.contracts import Claims, DiscriminatorOutput
from srkit.errors import OptionError, UserError
from srkit_unet.network import UNet

__all__ = ["UNetMultiscale"]


class UNetMultiscale(nn.Module):
    """A U-Net for each of several sizes of the picture; logits for each pixel, and for the whole of each size.

    U-Nets as discriminators: Schoenfeld et al. 2020, arXiv 2002.12655, whose encoder judges the whole and whose decoder
    judges each pixel; several sizes: Wang et al. 2017, arXiv 1711.11585. Between sizes the picture is averaged 2 x 2.
    Weights are normalized by their spectral norm (Miyato et al. 2018, arXiv 1802.05957).

    Image (B, 3, H, W) -> for each size logits (B, 1, H', W') of its pixels and (B, 1, H' / 2^levels, W' / 2^levels,
    rounded up) of its smallest size; features for feature-matching losses: what each U-Net saw at its smallest size.
    Any size from `least_size`; pictures are continued at right and bottom as the generator's are.

    Args:
        channels: channels at full size; each level down has twice as many.
        levels: how often a U-Net halves its picture.
        sizes: how many U-Nets there are: the picture itself, its half, its quarter, ...
        spectral: divide weights by their spectral norm.

    Attributes:
        least_size: the smallest side of a picture, in pixels.
    """

    claims = Claims(options={"channels": 4, "levels": 2})

    def __init__(
        self,
        channels: Annotated[int, Meta(ge=1)] = 32,
        levels: Annotated[int, Meta(ge=1, le=6)] = 3,
        sizes: Annotated[int, Meta(ge=1, le=4)] = 2,
        spectral: bool = True,
    ) -> None:
        super().__init__()
        for key, value in (("channels", channels), ("levels", levels), ("sizes", sizes)):
            if value < 1:
                raise OptionError(key, f"a whole number from 1, got {value}.")

        def convolution(inputs: int, outputs: int) -> nn.Module:
            layer = nn.Conv2d(inputs, outputs, 3, padding=1)
            return spectral_norm(layer) if spectral else layer

        self.least_size = 2 ** (sizes - 1)
        self.networks = nn.ModuleList(UNet(3, channels, levels, 0.2, convolution) for _ in range(sizes))
        self.of_pixels = nn.ModuleList(nn.Conv2d(channels, 1, 3, padding=1) for _ in range(sizes))
        self.of_whole = nn.ModuleList(nn.Conv2d(channels * 2**levels, 1, 1) for _ in range(sizes))

    def forward(self, image: Tensor) -> DiscriminatorOutput:
        """Image (B, 3, H, W) -> logits of each size's pixels, then of its whole; features."""
        if min(image.shape[-2:]) < self.least_size:
            height, width = image.shape[-2:]
            raise UserError(
                f"unet-multiscale with {len(self.networks)} sizes needs pictures of at least {self.least_size} pixels "
                f"a side, got {width} x {height}"
            )
        logits, features = [], []
        for number, (network, of_pixels, of_whole) in enumerate(
            zip(self.networks, self.of_pixels, self.of_whole, strict=True)
        ):
            seen, bottom = network(F.avg_pool2d(image, 2**number) if number else image)
            logits += [of_pixels(seen), of_whole(bottom)]
            features.append(bottom)
        return DiscriminatorOutput(logits=logits, features=features)
