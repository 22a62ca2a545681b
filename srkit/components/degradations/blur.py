"""Blur with kernels drawn as in Real-ESRGAN."""

from __future__ import annotations

import math

from torch import Tensor

from srkit.components.kernels import FIRST_SHAPES, Blurring, KernelShape
from srkit.components.ranges import check_probability, check_shares, span
from srkit.contracts import Draws
from srkit.errors import OptionError

__all__ = ["Blur"]


class Blur:
    """Blur, each picture by its own kernel: Gaussians, generalized, plateaus, ringing sincs.

    The kernels and their ranges are Real-ESRGAN's first round (Wang et al. 2021, arXiv 2107.10833, sections 3.1 and
    3.3). The border is mirrored. Float (B, 3, h, w) -> the same shape, not clamped: a sinc overshoots [0, 1].

    Args:
        shapes: how often each shape is drawn, in any unit; shapes left out are not drawn.
        sizes: smallest and largest side of the kernel in pixels, odd both.
        sigma: range of the standard deviations in pixels.
        generalized_beta: range of the generalized Gaussian's exponent; below 1 and above 1 are drawn half of the time.
        plateau_beta: range of the plateau's exponent; below 1 and above 1 are drawn half of the time.
        cutoff: range of the sinc's cut-off in radians a pixel; by default from pi / 3 (pi / 5 from 13 pixels on) to pi.
        probability: that a picture is blurred at all.
    """

    def __init__(
        self,
        shapes: dict[KernelShape, float] = FIRST_SHAPES,
        sizes: tuple[int, int] = (7, 21),
        sigma: float | tuple[float, float] = (0.2, 3.0),
        generalized_beta: float | tuple[float, float] = (0.5, 4.0),
        plateau_beta: float | tuple[float, float] = (1.0, 2.0),
        cutoff: float | tuple[float, float] | None = None,
        probability: float = 1.0,
    ) -> None:
        check_shares("shapes", shapes.values())
        if not 1 <= sizes[0] <= sizes[1] or sizes[0] % 2 == 0 or sizes[1] % 2 == 0:
            raise OptionError("sizes", f"two odd numbers from 1, the smaller one first; got {list(sizes)}.")
        self.blurring = Blurring(
            dict(shapes),
            check_probability("probability", probability),
            sizes,
            span("sigma", sigma, 0, above=True),
            span("generalized_beta", generalized_beta, 0, above=True),
            span("plateau_beta", plateau_beta, 0, above=True),
            None if cutoff is None else span("cutoff", cutoff, 0, math.pi, above=True),
        )

    def __call__(self, batch: Tensor, draws: Draws) -> Tensor:
        """(B, 3, h, w) float -> the same shape and dtype."""
        return self.blurring(batch, draws)
