"""Bicubic enlarging as a generator without parameters: the baseline of every table."""

from __future__ import annotations

from srkit.components.generators.interpolations import Interpolation

__all__ = ["Bicubic"]


def cubic(x: float) -> float:
    """Keys' cubic kernel with a = -0.5 (Keys 1981), which MATLAB and Pillow use."""
    x = abs(x)
    if x <= 1:
        return 1.5 * x**3 - 2.5 * x**2 + 1
    if x < 2:
        return -0.5 * x**3 + 2.5 * x**2 - 4 * x + 2
    return 0.0


class Bicubic(Interpolation):
    """Bicubic enlarging as MATLAB's imresize does it; no parameters, the usual baseline.

    Keys 1981, "Cubic convolution interpolation for digital image processing", a = -0.5. The picture is mirrored at its
    borders (MATLAB's rule; Pillow agrees inside and cuts its kernel off at the border). Computed in the input's own
    precision, half precisions in float32.

    LR (B, 3, h, w) in [0, 1] -> SR (B, 3, h * scale, w * scale), overshooting [0, 1] at sharp edges.

    Args:
        scale: how many times larger the picture becomes.
    """

    def __init__(self, scale: int) -> None:
        super().__init__(scale, 2, cubic)
