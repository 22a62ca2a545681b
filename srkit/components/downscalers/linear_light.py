"""Shrinking in linear light, a batch at a time on the device."""

from __future__ import annotations

from typing import Annotated, Literal

import torch
import torch.nn.functional as F
from msgspec import Meta
from torch import Tensor

from srkit.components.downscalers.crop import check_scale, small_size
from srkit.components.downscalers.interpolation import interpolate
from srkit.components.light import from_linear, to_linear
from srkit.errors import OptionError

__all__ = ["LinearLight"]


class LinearLight:
    """Shrinks in linear light as a camera would average it: fine bright detail stays bright.

    Values -> linear light -> kernel -> values. A pattern of single black and white pixels becomes 188 of 255 (186 with
    gamma 2.2), where a plain average gives 128. Works on a batch: float (B, 3, H, W), clipped to [0, 1], ->
    (B, 3, H // scale, W // scale) in [0, 1]; sizes the scale does not divide are cropped at right and bottom. Computed
    in float32 at least.

    Args:
        scale: how many times smaller the picture becomes.
        kernel: "box" is the plain average of scale x scale pixels; the others are torch's, with antialias.
        transfer: "srgb" is the standard's curve (IEC 61966-2-1); a number is a pure power, 2.2 in the notes.
    """

    works_on: Literal["batch"] = "batch"

    def __init__(
        self,
        scale: int,
        kernel: Literal["box", "bilinear", "bicubic"] = "box",
        transfer: Literal["srgb"] | Annotated[float, Meta(gt=0)] = "srgb",
    ) -> None:
        self.scale = check_scale(scale)
        self.kernel = kernel
        if not isinstance(transfer, str) and transfer <= 0:
            raise OptionError("transfer", f"linear-light needs an exponent above 0, got {transfer}.")
        self.transfer = transfer

    def __call__(self, hr: Tensor) -> Tensor:
        """(B, 3, H, W) -> (B, 3, H // scale, W // scale)."""
        height, width = small_size(hr.shape[-2], hr.shape[-1], self.scale)
        exact = hr[..., : height * self.scale, : width * self.scale].to(torch.promote_types(hr.dtype, torch.float32))
        light = to_linear(exact, self.transfer)
        if self.kernel == "box":
            small = F.avg_pool2d(light, self.scale)
        else:
            small = interpolate(light, self.scale, self.kernel, antialias=True)
        return from_linear(small, self.transfer).to(hr.dtype)
