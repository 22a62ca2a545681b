"""Between picture values and linear light, differentiable and safe at black."""

from __future__ import annotations

from torch import Tensor

__all__ = ["DARKEST", "from_linear", "to_linear"]

DARKEST = 1e-6  # the notes' floor under a pure power, whose slope at 0 is 0 one way and infinite the other


def to_linear(image: Tensor, transfer: str | float) -> Tensor:
    """Values in [0, 1] (clipped to it) -> linear light in [0, 1]. `transfer`: "srgb" (IEC 61966-2-1) or an exponent."""
    if isinstance(transfer, str):
        image = image.clamp(0, 1)
        # Each branch is kept where its slope is finite: torch.where passes 0 * inf = nan of the branch not taken.
        curve = ((image.clamp(min=0.04045) + 0.055) / 1.055).pow(2.4)
        return (image / 12.92).where(image <= 0.04045, curve)
    return image.clamp(DARKEST, 1).pow(transfer)


def from_linear(light: Tensor, transfer: str | float) -> Tensor:
    """Linear light (clipped to [0, 1]) -> values in [0, 1]; the inverse of `to_linear`."""
    if isinstance(transfer, str):
        light = light.clamp(0, 1)
        curve = 1.055 * light.clamp(min=0.0031308).pow(1 / 2.4) - 0.055
        return (light * 12.92).where(light <= 0.0031308, curve)
    return light.clamp(DARKEST**transfer, 1).pow(1 / transfer)
