"""The Charbonnier penalty between pixels."""

from __future__ import annotations

from typing import Annotated

from msgspec import Meta
from torch import Tensor, nn

from srkit.errors import OptionError

__all__ = ["Charbonnier"]


class Charbonnier(nn.Module):
    """Charbonnier loss: an absolute error that is smooth near zero.

    The mean over all values of sqrt((sr - hr)^2 + eps^2), as in LapSRN (Lai et al. 2017, arXiv 1704.03915). Its least
    value is eps, not 0. SR and HR (B, 3, H, W), a scalar out.

    Args:
        eps: the error (0..1) below which the loss turns from absolute to squared.
    """

    def __init__(self, eps: Annotated[float, Meta(gt=0)] = 1e-3) -> None:
        super().__init__()
        if eps <= 0:
            raise OptionError("eps", f"charbonnier needs a number above 0, got {eps}; with 0 it is l1.")
        self.eps = eps

    def forward(self, sr: Tensor, hr: Tensor) -> Tensor:
        """SR and HR (B, 3, H, W) -> scalar in HR's precision."""
        return ((sr.to(hr.dtype) - hr).square() + self.eps**2).sqrt().mean()
