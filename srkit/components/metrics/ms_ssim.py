"""Multi-scale structural similarity on luma."""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor

from srkit.components.metrics.planes import luma
from srkit.components.metrics.ssim import WINDOW, likeness
from srkit.errors import UserError

__all__ = ["MsSsim"]

WEIGHTS = (0.0448, 0.2856, 0.3001, 0.2363, 0.1333)
LEAST = WINDOW << (len(WEIGHTS) - 1)


class MsSsim:
    """MS-SSIM on luma, from 0 to 1: likeness of structure at five sizes of the picture.

    Wang, Simoncelli and Bovik 2003, "Multiscale structural similarity for image quality assessment": contrast and
    structure at each of five scales, light at the coarsest, each the mean over places to the power of 0.0448, 0.2856,
    0.3001, 0.2363, 0.1333, multiplied; between scales the picture is averaged 2 x 2. Windows as in `ssim-y`, on BT.601
    luma (16..235, not rounded) in float64; means below 0 count as 0.

    SR and HR (B, 3, H, W) float on the 8-bit grid in [0, 1], borders already cropped, sides of at least 176 pixels ->
    (B,) float64.
    """

    unit = ""
    higher_is_better = True

    def __call__(self, sr: Tensor, hr: Tensor) -> Tensor:
        """SR and HR (B, 3, H, W) -> (B,)."""
        if min(hr.shape[-2:]) < LEAST:
            raise UserError(
                f"MS-SSIM needs pictures of at least {LEAST} pixels a side after the border is cropped, got "
                f"{hr.shape[-1]} x {hr.shape[-2]}"
            )
        return torch.stack([_of_planes(a[0], b[0]) for a, b in zip(luma(sr), luma(hr), strict=True)])


def _of_planes(sr: Tensor, hr: Tensor) -> Tensor:
    """(H, W) in 0..255 -> a scalar."""
    total = torch.ones((), dtype=sr.dtype, device=sr.device)
    for level, weight in enumerate(WEIGHTS):
        if level:
            sr, hr = (F.avg_pool2d(plane[None], 2)[0] for plane in (sr, hr))
        light, contrast = likeness(sr, hr)
        part = light * contrast if level == len(WEIGHTS) - 1 else contrast
        total = total * part.mean().clamp(min=0) ** weight
    return total
