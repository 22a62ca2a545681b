"""Structural similarity as a loss."""

from __future__ import annotations

from torch import Tensor, nn

from srkit.components.pixel_losses.structure import WINDOW, check_side, structure

__all__ = ["Ssim"]


class Ssim(nn.Module):
    """One minus SSIM: local light, contrast and structure instead of single pixels.

    Wang et al. 2004, "Image quality assessment: from error visibility to structural similarity": an 11 x 11 Gaussian
    window with sigma 1.5, only where it fits, K1 = 0.01, K2 = 0.03, on each of R, G, B in 0..1; the mean over places,
    channels and samples. SR and HR (B, 3, H, W) with sides of at least 11 pixels, a scalar from 0 to 2 out.
    """

    def forward(self, sr: Tensor, hr: Tensor) -> Tensor:
        """SR and HR (B, 3, H, W) -> scalar in HR's precision."""
        check_side("ssim", hr, WINDOW)
        light, contrast = structure(sr.to(hr.dtype), hr)
        return 1 - (light * contrast).mean()
