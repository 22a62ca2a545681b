"""Small kernels applied as sums of shifted pictures, which autocast and TF32 leave alone."""

from __future__ import annotations

from collections.abc import Sequence
from math import exp

from torch import Tensor

__all__ = ["filtered", "gaussian"]


def gaussian(sigma: float, radius: int) -> list[float]:
    """The 2 * radius + 1 weights of a Gaussian, with sum 1."""
    bell = [exp(-(tap**2) / (2 * sigma**2)) for tap in range(-radius, radius + 1)]
    return [value / sum(bell) for value in bell]


def filtered(image: Tensor, weights: Sequence[float], dim: int) -> Tensor:
    """The weighted sum over neighbours along one dimension, only where the kernel fits: length - taps + 1 values."""
    length = image.shape[dim] - len(weights) + 1
    total = image.narrow(dim, 0, length) * weights[0]
    for tap, weight in enumerate(weights[1:], 1):
        if weight:
            total = total.add(image.narrow(dim, tap, length), alpha=weight)
    return total
