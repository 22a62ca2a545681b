"""Unsharp masking as Real-ESRGAN sharpens its originals."""

from __future__ import annotations

import torch
from torch import Tensor

from srkit.components.kernels import filtered

__all__ = ["sharpened"]


def sharpened(batch: Tensor, amount: float | Tensor = 0.5, size: int = 51, threshold: float = 10.0) -> Tensor:
    """Adds to a picture what a wide Gaussian blur takes away, only where that is more than a threshold.

    The mask of such places is blurred by the same Gaussian, so that it has no edges. The Gaussian's deviation is the
    one OpenCV derives from the size: 0.3 * ((size - 1) / 2 - 1) + 0.8.

    Args:
        batch: (B, 3, h, w) float in [0, 1].
        amount: the factor of what is added, one for all or (B, 1, 1, 1).
        size: side of the blur's kernel in pixels, odd.
        threshold: in levels of 255.

    Returns:
        The same shape and dtype, in [0, 1].
    """
    sigma = 0.3 * ((size - 1) * 0.5 - 1) + 0.8
    place = torch.arange(size, dtype=torch.float64, device="cpu") - size // 2
    line = (-(place**2) / (2 * sigma**2)).exp()
    line = line / line.sum()

    def soft(picture: Tensor) -> Tensor:
        return filtered(filtered(picture, line[:, None]), line[None, :])

    def one(picture: Tensor, factor: float | Tensor) -> Tensor:
        detail = picture - soft(picture)
        mask = soft((detail.abs() * 255 > threshold).to(picture.dtype))
        return mask * (picture + factor * detail).clamp(0, 1) + (1 - mask) * picture

    exact = batch.to(torch.promote_types(batch.dtype, torch.float32))
    factors = list(amount) if isinstance(amount, Tensor) else [amount] * len(batch)
    return torch.stack([one(*pair) for pair in zip(exact, factors, strict=True)]).to(batch.dtype)
