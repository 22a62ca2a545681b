"""The discriminator of SRGAN and ESRGAN: one logit for a picture of a fixed size."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated

from msgspec import Meta
from torch import Tensor, nn

from srkit.components.foreign import count, shape
from srkit.contracts import Foreign
from srkit.errors import OptionError

__all__ = ["Vgg128"]

LEAST_PLACES = 4  # a side's places before the first linear layer; below twice as many there is no further halving
MOST_TIMES = 8  # channels double with each level up to 8 times the first's


class Vgg128(nn.Module):
    """Discriminator like a VGG with one logit for the whole picture; SRGAN's and ESRGAN's.

    Ledig et al. 2016, arXiv 1609.04802, in ESRGAN's form (Wang et al. 2018, arXiv 1809.00219): in each level conv 3x3
    and conv 4x4 with stride 2, channels C, 2C, 4C, 8C, 8C, ..., batch norm after all but the first, LeakyReLU 0.2,
    until 4 to 7 places a side are left; linear to 100, LeakyReLU, linear to 1. Key names as BasicSR's
    VGGStyleDiscriminator: `convN_0`, `bnN_0`, `convN_1`, `bnN_1`, `linear1`, `linear2`. 14,499,401 parameters with
    128 pixels and 64 channels.

    Image (B, 3, input_size, input_size) -> logits (B, 1).

    Args:
        input_size: side of the pictures in pixels; what `shift_crop` takes off the patch counts.
        channels: channels of the first level (C).
    """

    def __init__(self, input_size: Annotated[int, Meta(ge=8)] = 128, channels: Annotated[int, Meta(ge=1)] = 64) -> None:
        super().__init__()
        if input_size < 2 * LEAST_PLACES:
            raise OptionError("input_size", f"vgg128 judges pictures from {2 * LEAST_PLACES} pixels, got {input_size}.")
        if channels < 1:
            raise OptionError("channels", f"vgg128 needs at least one channel, got {channels}.")
        self.input_size = input_size
        side, inputs, self.levels = input_size, 3, 0
        while side >= 2 * LEAST_PLACES:
            level, c = self.levels, channels * min(2**self.levels, MOST_TIMES)
            self.add_module(f"conv{level}_0", nn.Conv2d(inputs, c, 3, padding=1, bias=level == 0))
            self.add_module(f"bn{level}_0", nn.BatchNorm2d(c) if level else nn.Identity())
            self.add_module(f"conv{level}_1", nn.Conv2d(c, c, 4, stride=2, padding=1, bias=False))
            self.add_module(f"bn{level}_1", nn.BatchNorm2d(c))
            side, inputs, self.levels = side // 2, c, level + 1
        self.linear1 = nn.Linear(inputs * side**2, 100)
        self.linear2 = nn.Linear(100, 1)
        self.activation = nn.LeakyReLU(0.2, inplace=True)

    @staticmethod
    def recognize(weights: Mapping[str, Tensor], ordered: bool) -> Foreign | None:
        """BasicSR's VGGStyleDiscriminator, which has these names; for `srkit import`."""
        if "conv0_0.weight" not in weights or "linear1.weight" not in weights:
            return None
        levels = count(weights, r"conv(\d+)_1\.")
        places = shape(weights, "linear1.weight", 1) // max(1, shape(weights, f"conv{levels - 1}_1.weight", 0))
        options = {
            "input_size": round(places**0.5) * 2**levels,
            "channels": shape(weights, "conv0_0.weight", 0),
        }
        return Foreign("ESRGAN's discriminator as BasicSR has it", options, weights)

    def forward(self, image: Tensor) -> Tensor:
        """Image (B, 3, input_size, input_size) -> logits (B, 1)."""
        height, width = image.shape[-2:]
        if height != self.input_size or width != self.input_size:
            raise OptionError(
                "input_size",
                f"vgg128 was built for pictures of {self.input_size} x {self.input_size} pixels, got {width} x "
                f"{height}. It is data.patch_size less what shift_crop takes off (shift_crop - 1).",
            )
        x = image
        for level in range(self.levels):
            for half in (0, 1):
                x = self.get_submodule(f"conv{level}_{half}")(x)
                x = self.activation(self.get_submodule(f"bn{level}_{half}")(x))
        return self.linear2(self.activation(self.linear1(x.flatten(1))))
