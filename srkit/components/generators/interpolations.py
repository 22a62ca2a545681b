"""Ways to enlarge without learning: what weighs neighbours by a kernel, and baselines beside bicubic."""

from __future__ import annotations

from collections.abc import Callable
from functools import reduce
from math import pi, sin

import torch
from torch import Tensor, nn

from srkit.errors import OptionError

__all__ = ["Bilinear", "Interpolation", "Lanczos", "Nearest"]


def triangle(x: float) -> float:
    """1 at 0, 0 from 1 on."""
    return max(0.0, 1 - abs(x))


def three_lobes(x: float) -> float:
    """sinc(x) sinc(x / 3), 0 from 3 on."""
    if abs(x) >= 3:
        return 0.0
    return 1.0 if x == 0 else 3 * sin(pi * x) * sin(pi * x / 3) / (pi * x) ** 2


class Interpolation(nn.Module):
    """A picture enlarged by a symmetric kernel, mirrored at its borders; no parameters.

    Args:
        scale: how many times larger the picture becomes.
        reach: LR pixels to each side that the kernel touches.
        kernel: what a LR pixel counts, by its distance; the weights of a place are made to sum to 1.
    """

    def __init__(self, scale: int, reach: int, kernel: Callable[[float], float]) -> None:
        super().__init__()
        if scale < 1:
            raise OptionError("scale", f"an interpolation enlarges by a whole number from 1, got {scale}.")
        self.scale, self.reach = scale, reach
        centres = [(phase + 0.5) / scale - 0.5 for phase in range(scale)]
        weights = [[kernel(centre - tap) for tap in range(-reach, reach + 1)] for centre in centres]
        self.taps = [[weight / sum(row) for weight in row] for row in weights]

    def enlarge(self, image: Tensor, dim: int) -> Tensor:
        """The picture made `scale` times longer along one dimension."""
        length = image.shape[dim]
        places = torch.arange(-self.reach, length + self.reach, device=image.device) % (2 * length)
        padded = image.index_select(dim, torch.minimum(places, 2 * length - 1 - places))
        # Sums of shifted slices instead of a convolution: autocast and TF32 leave them alone.
        phases = [
            reduce(torch.add, [padded.narrow(dim, tap, length) * weight for tap, weight in enumerate(taps) if weight])
            for taps in self.taps
        ]
        return torch.stack(phases, dim + 1).flatten(dim, dim + 1)

    def forward(self, lr: Tensor) -> Tensor:
        """LR (B, 3, h, w) -> SR (B, 3, h * scale, w * scale)."""
        exact = lr.to(torch.promote_types(lr.dtype, torch.float32))
        return self.enlarge(self.enlarge(exact, 2), 3).to(lr.dtype)


class Nearest(nn.Module):
    """Each pixel becomes a square of its colour; no parameters.

    LR (B, 3, h, w) in [0, 1] -> SR (B, 3, h * scale, w * scale) in [0, 1].

    Args:
        scale: how many times larger the picture becomes.
    """

    def __init__(self, scale: int) -> None:
        super().__init__()
        if scale < 1:
            raise OptionError("scale", f"an interpolation enlarges by a whole number from 1, got {scale}.")
        self.scale = scale

    def forward(self, lr: Tensor) -> Tensor:
        """LR (B, 3, h, w) -> SR (B, 3, h * scale, w * scale)."""
        return lr.repeat_interleave(self.scale, 2).repeat_interleave(self.scale, 3)


class Bilinear(Interpolation):
    """Bilinear enlarging: straight lines between neighbours; no parameters, soft.

    As torch's interpolate with align_corners = False, and MATLAB's imresize. LR (B, 3, h, w) in [0, 1] -> SR
    (B, 3, h * scale, w * scale) in [0, 1].

    Args:
        scale: how many times larger the picture becomes.
    """

    def __init__(self, scale: int) -> None:
        super().__init__(scale, 1, triangle)


class Lanczos(Interpolation):
    """Lanczos enlarging: sharper than bicubic, with slight ringing; no parameters.

    Lanczos 1964's window with three lobes, as MATLAB's imresize and Pillow have it; the weights sum to 1. LR
    (B, 3, h, w) in [0, 1] -> SR (B, 3, h * scale, w * scale), overshooting [0, 1] at sharp edges.

    Args:
        scale: how many times larger the picture becomes.
    """

    def __init__(self, scale: int) -> None:
        super().__init__(scale, 3, three_lobes)
