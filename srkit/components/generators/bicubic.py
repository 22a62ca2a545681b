"""Bicubic enlarging as a generator without parameters: the baseline of every table."""

from __future__ import annotations

from functools import reduce

import torch
from torch import Tensor, nn

from srkit.errors import OptionError

__all__ = ["Bicubic"]

REACH = 2  # source pixels to each side that the cubic kernel can touch when it enlarges


def cubic(x: float) -> float:
    """Keys' cubic kernel with a = -0.5 (Keys 1981), which MATLAB and Pillow use."""
    x = abs(x)
    if x <= 1:
        return 1.5 * x**3 - 2.5 * x**2 + 1
    if x < 2:
        return -0.5 * x**3 + 2.5 * x**2 - 4 * x + 2
    return 0.0


class Bicubic(nn.Module):
    """Bicubic enlarging as MATLAB's imresize does it; no parameters, the usual baseline.

    Keys 1981, "Cubic convolution interpolation for digital image processing", a = -0.5. The picture is mirrored at its
    borders (MATLAB's rule; Pillow agrees inside and cuts its kernel off at the border). Computed in the input's own
    precision, half precisions in float32.

    LR (B, 3, h, w) in [0, 1] -> SR (B, 3, h * scale, w * scale), overshooting [0, 1] at sharp edges.

    Args:
        scale: how many times larger the picture becomes.
    """

    def __init__(self, scale: int) -> None:
        super().__init__()
        if scale < 1:
            raise OptionError("scale", f"bicubic enlarges by a whole number from 1, got {scale}.")
        self.scale = scale
        centres = [(phase + 0.5) / scale - 0.5 for phase in range(scale)]
        self.taps = [[cubic(centre - tap) for tap in range(-REACH, REACH + 1)] for centre in centres]

    def enlarge(self, image: Tensor, dim: int) -> Tensor:
        """The picture made `scale` times longer along one dimension."""
        length = image.shape[dim]
        mirrored = torch.arange(-REACH, length + REACH, device=image.device) % (2 * length)
        padded = image.index_select(dim, torch.minimum(mirrored, 2 * length - 1 - mirrored))
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
