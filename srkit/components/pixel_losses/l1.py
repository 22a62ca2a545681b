"""The mean absolute error between pixels."""

from __future__ import annotations

import torch.nn.functional as F
from torch import Tensor, nn

__all__ = ["L1"]


class L1(nn.Module):
    """Mean absolute error; a little sharper than mse, less swayed by outliers.

    The mean over all values of |sr - hr| (Zhao et al. 2015, arXiv 1511.08861, compare it with mse for restoration).
    SR and HR (B, 3, H, W), a scalar out.
    """

    def forward(self, sr: Tensor, hr: Tensor) -> Tensor:
        """SR and HR (B, 3, H, W) -> scalar in HR's precision."""
        return F.l1_loss(sr.to(hr.dtype), hr)
