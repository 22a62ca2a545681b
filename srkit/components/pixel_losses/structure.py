"""The two maps that SSIM is made of, differentiable, for pictures in 0..1."""

from __future__ import annotations

import torch
from torch import Tensor

from srkit.components.pixel_losses.shifted_sums import filtered, gaussian
from srkit.errors import UserError

__all__ = ["WINDOW", "check_side", "structure"]

WINDOW = 11
WEIGHTS = gaussian(1.5, WINDOW // 2)
C1 = 0.01**2
C2 = 0.03**2


def structure(sr: Tensor, hr: Tensor) -> tuple[Tensor, Tensor]:
    """The likeness of light, and that of contrast and structure, at each place the window fits.

    Args:
        sr: (B, C, H, W) in 0..1.
        hr: (B, C, H, W) in 0..1.

    Returns:
        Two maps (B, C, H - 10, W - 10); SSIM is their product.
    """
    stack = torch.stack([sr, hr, sr * sr + hr * hr, sr * hr])
    sr_mean, hr_mean, squares, product = filtered(filtered(stack, WEIGHTS, -2), WEIGHTS, -1)
    means = sr_mean.square() + hr_mean.square()
    both = sr_mean * hr_mean
    light = (2 * both + C1) / (means + C1)
    # The difference of nearly equal numbers can fall below 0 by rounding; C2 stays the larger by far.
    contrast = (2 * (product - both) + C2) / (squares - means + C2)
    return light, contrast


def check_side(name: str, image: Tensor, least: int) -> None:
    """Raise `UserError` where a side is shorter than the window at the coarsest scale."""
    if min(image.shape[-2:]) < least:
        raise UserError(
            f"the loss {name!r} needs pictures of at least {least} pixels a side, got "
            f"{image.shape[-1]} x {image.shape[-2]}: raise data.patch_size"
        )
