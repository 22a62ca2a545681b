"""Noise as sensors make it."""

from __future__ import annotations

from torch import Tensor

from srkit.components.noises import Noising
from srkit.components.ranges import check_probability, span
from srkit.contracts import Draws

__all__ = ["Noise"]


class Noise:
    """Gaussian or Poisson noise, in colour or grey, each picture with its own strength.

    The ranges are Real-ESRGAN's first round (Wang et al. 2021, arXiv 2107.10833, section 3.1). Float (B, 3, h, w) in
    [0, 1] -> the same shape, clamped to [0, 1]. All noise is drawn on the CPU.

    Args:
        sigma: range of the Gaussian noise's standard deviation, in levels of 255.
        poisson_scale: range of the factor on Poisson noise; at 1, white is as many photons as the picture has levels.
        gaussian: the probability that a picture's noise is Gaussian; else it is Poisson.
        grey: the probability that the noise is alike in all three channels.
        probability: that a picture gets noise at all.
    """

    def __init__(
        self,
        sigma: float | tuple[float, float] = (1.0, 30.0),
        poisson_scale: float | tuple[float, float] = (0.05, 3.0),
        gaussian: float = 0.5,
        grey: float = 0.4,
        probability: float = 1.0,
    ) -> None:
        self.noising = Noising(
            check_probability("probability", probability),
            check_probability("gaussian", gaussian),
            check_probability("grey", grey),
            span("sigma", sigma, 0),
            span("poisson_scale", poisson_scale, 0),
        )

    def __call__(self, batch: Tensor, draws: Draws) -> Tensor:
        """(B, 3, h, w) float -> the same shape and dtype."""
        return self.noising(batch, draws)
