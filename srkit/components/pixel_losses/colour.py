"""A distance between the colours of both pictures, structure blurred away."""

from __future__ import annotations

from typing import Annotated

import torch.nn.functional as F
from msgspec import Meta
from torch import Tensor, nn

from srkit.components.pixel_losses.shifted_sums import filtered, gaussian
from srkit.errors import OptionError

__all__ = ["Colour"]


class Colour(nn.Module):
    """Squared error between blurred pictures: keeps colours from drifting.

    Ignatov et al. 2017, arXiv 1704.02470 (DPED): both pictures blurred by a Gaussian of sigma 3 over 21 x 21 pixels,
    then the mean squared error. The border's pixels are repeated outwards for the blur. SR and HR (B, 3, H, W) of any
    size, a scalar out.

    Args:
        sigma: the Gaussian's standard deviation in HR pixels; its window reaches 10/3 of that to each side.
    """

    def __init__(self, sigma: Annotated[float, Meta(gt=0)] = 3.0) -> None:
        super().__init__()
        if sigma <= 0:
            raise OptionError("sigma", f"a number of pixels above 0, got {sigma}.")
        self.radius = max(1, round(sigma * 10 / 3))
        self.weights = gaussian(sigma, self.radius)

    def forward(self, sr: Tensor, hr: Tensor) -> Tensor:
        """SR and HR (B, 3, H, W) -> scalar in HR's precision."""
        difference = sr.to(hr.dtype) - hr  # blurring is linear: one blur does for both pictures
        padded = F.pad(difference, (self.radius,) * 4, "replicate")
        return filtered(filtered(padded, self.weights, -2), self.weights, -1).square().mean()
