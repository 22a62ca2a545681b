"""A distance between the edges of both pictures."""

from __future__ import annotations

from typing import Literal

from torch import Tensor, nn

from srkit.components.pixel_losses.shifted_sums import filtered
from srkit.components.pixel_losses.structure import check_side

__all__ = ["Edge"]

SMOOTH, SLOPE = (0.25, 0.5, 0.25), (-0.5, 0.0, 0.5)
SECOND = (1.0, -2.0, 1.0)


class Edge(nn.Module):
    """Mean absolute error between edges: flat areas and even shifts of light cost nothing.

    "sobel": the slopes to the right and downwards, in values a pixel (Sobel's 3 x 3 kernels over 8), the mean over
    both. "laplacian": the second derivative [0 1 0; 1 -4 1; 0 1 0], as edge losses of restoration networks take (such
    as MPRNet, Zamir et al. 2021, arXiv 2102.02808). Only where the kernel fits. SR and HR (B, 3, H, W) with sides of at
    least 3 pixels, a scalar out.

    Args:
        kernel: what an edge is.
    """

    def __init__(self, kernel: Literal["sobel", "laplacian"] = "sobel") -> None:
        super().__init__()
        self.kernel = kernel

    def forward(self, sr: Tensor, hr: Tensor) -> Tensor:
        """SR and HR (B, 3, H, W) -> scalar in HR's precision."""
        check_side("edge", hr, 3)
        difference = sr.to(hr.dtype) - hr  # the kernels are linear: edges of the difference are the edges' difference
        if self.kernel == "laplacian":
            down = filtered(difference, SECOND, -2)[..., 1:-1]
            return (down + filtered(difference, SECOND, -1)[..., 1:-1, :]).abs().mean()
        right = filtered(filtered(difference, SMOOTH, -2), SLOPE, -1)
        down = filtered(filtered(difference, SMOOTH, -1), SLOPE, -2)
        return (right.abs().mean() + down.abs().mean()) / 2
