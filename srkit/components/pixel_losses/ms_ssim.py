"""Multi-scale structural similarity as a loss."""

from __future__ import annotations

from typing import Annotated

import torch.nn.functional as F
from msgspec import Meta
from torch import Tensor, nn

from srkit.components.pixel_losses.structure import WINDOW, check_side, structure
from srkit.errors import OptionError

__all__ = ["MsSsim"]

WEIGHTS = (0.0448, 0.2856, 0.3001, 0.2363, 0.1333)
TINY = 1e-6


class MsSsim(nn.Module):
    """One minus multi-scale SSIM: structure at several sizes of the picture.

    Wang et al. 2003, "Multiscale structural similarity for image quality assessment": contrast and structure at each
    of five scales, light at the coarsest, each the mean over places to the power of 0.0448, 0.2856, 0.3001, 0.2363,
    0.1333, multiplied; between scales the picture is averaged 2 x 2. On each of R, G, B in 0..1, then the mean over
    channels and samples; means below 0 count as 0. As a loss: Zhao et al. 2015, arXiv 1511.08861. With fewer levels
    the weights are stretched to the same sum. SR and HR (B, 3, H, W) with sides of at least 11 * 2^(levels - 1) pixels
    (176 for five), a scalar from 0 to 1 out.

    Args:
        levels: how many scales, from the finest; three need 44 pixels a side, five 176.
    """

    def __init__(self, levels: Annotated[int, Meta(ge=1, le=5)] = 5) -> None:
        super().__init__()
        if not 1 <= levels <= len(WEIGHTS):
            raise OptionError("levels", f"ms-ssim has 1 to {len(WEIGHTS)} levels, got {levels}.")
        self.weights = [weight / sum(WEIGHTS[:levels]) * sum(WEIGHTS) for weight in WEIGHTS[:levels]]

    def forward(self, sr: Tensor, hr: Tensor) -> Tensor:
        """SR and HR (B, 3, H, W) -> scalar in HR's precision."""
        check_side("ms-ssim", hr, WINDOW << (len(self.weights) - 1))
        sr = sr.to(hr.dtype)
        total: Tensor | None = None
        for level, weight in enumerate(self.weights):
            if level:
                sr, hr = F.avg_pool2d(sr, 2), F.avg_pool2d(hr, 2)
            light, contrast = structure(sr, hr)
            likeness = light * contrast if level == len(self.weights) - 1 else contrast
            # The floor keeps the power's slope finite; below it there is no gradient.
            part = likeness.mean((-2, -1)).clamp(min=TINY) ** weight
            total = part if total is None else total * part
        assert total is not None
        return 1 - total.mean()
