"""The Huber loss between pixels."""

from __future__ import annotations

from typing import Annotated

import torch.nn.functional as F
from msgspec import Meta
from torch import Tensor, nn

from srkit.errors import OptionError

__all__ = ["Huber"]


class Huber(nn.Module):
    """Huber loss: squared for small errors, absolute for large ones.

    Huber 1964: x^2 / 2 where |x| <= delta, delta * (|x| - delta / 2) beyond; the mean over all values of x = sr - hr.
    SR and HR (B, 3, H, W), a scalar out.

    Args:
        delta: the error (0..1) from which on the loss grows linearly; 1 makes it half of mse.
    """

    def __init__(self, delta: Annotated[float, Meta(gt=0)] = 0.1) -> None:
        super().__init__()
        if delta <= 0:
            raise OptionError("delta", f"huber needs a number above 0, got {delta}.")
        self.delta = delta

    def forward(self, sr: Tensor, hr: Tensor) -> Tensor:
        """SR and HR (B, 3, H, W) -> scalar in HR's precision."""
        return F.huber_loss(sr.to(hr.dtype), hr, delta=self.delta)
