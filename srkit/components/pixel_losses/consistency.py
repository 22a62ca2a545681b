"""A distance between the generator's input and its picture shrunk again."""

from __future__ import annotations

from typing import Literal

import torch.nn.functional as F
from torch import Tensor, nn

from srkit.contracts import Views
from srkit.errors import UserError

__all__ = ["Consistency"]


class Consistency(nn.Module):
    """The picture shrunk again should equal the small one it was made of.

    The mean error between downscale(sr) and the LR, with the experiment's own downscaler, which must be one that works
    on a batch and lets gradients through. Known from back-projection (Irani and Peleg 1991, "Improving resolution by
    image registration") and as a loss from PULSE (Menon et al. 2020, arXiv 2003.03808). Views with SR (B, 3, H, W), LR
    (B, 3, h, w), a scalar out.

    Args:
        target: "lr" is the generator's input, noise and JPEG included; "hr" the original shrunk in the same way, for
            experiments whose LR is degraded.
        criterion: absolute or squared error.
    """

    needs_downscale = True

    def __init__(self, target: Literal["lr", "hr"] = "lr", criterion: Literal["l1", "mse"] = "l1") -> None:
        super().__init__()
        self.target = target
        self.criterion = criterion

    def forward(self, views: Views) -> Tensor:
        """Views -> scalar in HR's precision."""
        if views.downscale is None:
            raise UserError(
                "the loss 'consistency' shrinks the picture again, and an lr_pipeline has no downscaler: leave one of "
                "the two out, or write [downscaler] and [[degradation]] in the pipeline's place"
            )
        small = views.downscale(views.sr.to(views.hr.dtype))
        wanted = views.lr.to(small.dtype) if self.target == "lr" else views.downscale(views.hr).detach()
        return F.l1_loss(small, wanted) if self.criterion == "l1" else F.mse_loss(small, wanted)
