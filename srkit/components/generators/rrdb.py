"""ESRGAN's generator: residual-in-residual dense blocks, then nearest enlarging with convolutions."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated

import torch.nn.functional as F
from msgspec import Meta
from torch import Tensor, nn

from srkit.components.blocks.layers import check_range, run, skip
from srkit.components.blocks.residual_dense import ResidualDense
from srkit.components.generators.rrdb_layouts import recognize_rrdb
from srkit.components.generators.upsampling import steps_of
from srkit.contracts import Foreign
from srkit.errors import OptionError

__all__ = ["Rrdb"]


class DenseGroup(nn.Module):
    """Three dense blocks around a scaled skip: x + 0.2 * (...), key names `rdb1` to `rdb3` as published."""

    def __init__(self, channels: int, growth: int, checkpoint: bool, inplace: bool) -> None:
        super().__init__()
        self.checkpoint = checkpoint
        self.rdb1 = ResidualDense(channels, growth=growth, inplace=inplace)
        self.rdb2 = ResidualDense(channels, growth=growth, inplace=inplace)
        self.rdb3 = ResidualDense(channels, growth=growth, inplace=inplace)

    def branch(self, x: Tensor) -> Tensor:
        """The three blocks in a row."""
        return self.rdb3(self.rdb2(self.rdb1(x)))

    def forward(self, x: Tensor) -> Tensor:
        """(B, channels, h, w) -> the same shape."""
        return skip(x, run(self.branch, x, self.checkpoint), 0.2)


class Rrdb(nn.Module):
    """ESRGAN's and Real-ESRGAN's generator (RRDBNet); large, the field's usual start.

    Wang et al. 2018, arXiv 1809.00219: conv 3x3, 23 groups of three dense blocks, conv, long skip; then nearest
    enlarging by two and a convolution for each doubling, two more convolutions; LeakyReLU 0.2, no output activation.
    As in Real-ESRGAN (Wang et al. 2021, arXiv 2107.10833) scales 2 and 1 fold 2x2 or 4x4 pixels into channels first
    and enlarge by four. Key names as published by BasicSR: `conv_first`, `body.N.rdbM.convK`, `conv_body`, `conv_up1`,
    `conv_up2`, `conv_hr`, `conv_last`. 16,697,987 parameters at scale 4. Scales 1, 2, 4, 8, 16.

    LR (B, 3, h, w) in [0, 1] -> SR (B, 3, h * scale, w * scale). Sides that folding does not divide are continued by
    mirroring and cut again afterwards.

    Args:
        scale: how many times larger the picture becomes.
        channels: channels of the trunk.
        blocks: groups in the trunk; Real-ESRGAN's anime model has 6.
        growth: channels each dense convolution adds.
        unshuffle: fold pixels into channels at scales 2 and 1; without, these scales have one doubling or none.
        checkpoint: keep only each group's input for the gradient and compute its insides again: less memory, slower.
        inplace: let activations overwrite their input, which saves memory and changes no value.
    """

    def __init__(
        self,
        scale: int,
        channels: Annotated[int, Meta(ge=1)] = 64,
        blocks: Annotated[int, Meta(ge=1)] = 23,
        growth: Annotated[int, Meta(ge=1)] = 32,
        unshuffle: bool = True,
        checkpoint: bool = False,
        inplace: bool = True,
    ) -> None:
        super().__init__()
        for key, value in {"channels": channels, "blocks": blocks, "growth": growth}.items():
            check_range(key, value, 1)
        if scale < 1 or scale & (scale - 1):
            raise OptionError("scale", f"rrdb doubles: 1, 2, 4, 8 or 16 are possible, {scale} is not.")
        self.scale = scale
        self.fold = 4 // scale if unshuffle and scale in (1, 2) else 1
        self.doublings = len(steps_of(scale * self.fold, "rrdb"))
        self.conv_first = nn.Conv2d(3 * self.fold**2, channels, 3, padding=1)
        self.body = nn.Sequential(*(DenseGroup(channels, growth, checkpoint, inplace) for _ in range(blocks)))
        self.conv_body = nn.Conv2d(channels, channels, 3, padding=1)
        for number in range(1, self.doublings + 1):
            self.add_module(f"conv_up{number}", nn.Conv2d(channels, channels, 3, padding=1))
        self.conv_hr = nn.Conv2d(channels, channels, 3, padding=1)
        self.conv_last = nn.Conv2d(channels, 3, 3, padding=1)
        self.activation = nn.LeakyReLU(0.2, inplace=inplace)

    @staticmethod
    def recognize(weights: Mapping[str, Tensor], ordered: bool) -> Foreign | None:
        """ESRGAN's old and new layout, Real-ESRGAN's; for `srkit import`."""
        return recognize_rrdb(weights)

    def folded(self, lr: Tensor) -> Tensor:
        """(B, 3, h, w) -> (B, 3 * fold^2, ceil(h / fold), ceil(w / fold))."""
        height, width = lr.shape[-2:]
        down, right = -height % self.fold, -width % self.fold
        if down or right:
            mode = "reflect" if height > down and width > right else "replicate"
            lr = F.pad(lr, (0, right, 0, down), mode)
        return F.pixel_unshuffle(lr, self.fold)

    def forward(self, lr: Tensor) -> Tensor:
        """LR (B, 3, h, w) in [0, 1] -> SR (B, 3, h * scale, w * scale)."""
        height, width = lr.shape[-2] * self.scale, lr.shape[-1] * self.scale
        x = self.conv_first(self.folded(lr) if self.fold > 1 else lr)
        x = x + self.conv_body(self.body(x))
        for number in range(1, self.doublings + 1):
            x = F.interpolate(x, scale_factor=2, mode="nearest")
            x = self.activation(self.get_submodule(f"conv_up{number}")(x))
        return self.conv_last(self.activation(self.conv_hr(x)))[..., :height, :width]
