"""The mean squared error between pixels."""

from __future__ import annotations

import torch.nn.functional as F
from torch import Tensor, nn

__all__ = ["Mse"]


class Mse(nn.Module):
    """Mean squared error; highest PSNR, soft pictures.

    The mean over all values of (sr - hr)^2; PSNR in dB is -10 log10 of it. SR and HR (B, 3, H, W), a scalar out.
    """

    def forward(self, sr: Tensor, hr: Tensor) -> Tensor:
        """SR and HR (B, 3, H, W) -> scalar in HR's precision."""
        return F.mse_loss(sr.to(hr.dtype), hr)
