"""A distance between the frequencies of both pictures."""

from __future__ import annotations

from typing import Literal

import torch
from torch import Tensor, nn

__all__ = ["Fft"]


class Fft(nn.Module):
    """Mean absolute error between Fourier transforms: all frequencies count alike.

    Cho et al. 2021, arXiv 2108.05054: the mean of |real part| and |imaginary part| of fft(sr) - fft(hr), over the
    half plane that a real picture's transform has. The transform keeps energy (norm "ortho"), so that the value does
    not grow with the picture. Computed in float32 at least. SR and HR (B, 3, H, W) of any size, a scalar out.

    Args:
        compare: "complex" takes real and imaginary parts, "amplitude" only their length, so that shifts cost nothing.
    """

    def __init__(self, compare: Literal["complex", "amplitude"] = "complex") -> None:
        super().__init__()
        self.compare = compare

    def forward(self, sr: Tensor, hr: Tensor) -> Tensor:
        """SR and HR (B, 3, H, W) -> scalar in HR's precision, float32 at least."""
        dtype = torch.promote_types(hr.dtype, torch.float32)
        sr, hr = sr.to(dtype), hr.to(dtype)
        if self.compare == "complex":
            return torch.view_as_real(torch.fft.rfft2(sr - hr, norm="ortho")).abs().mean()
        spectra = torch.fft.rfft2(sr, norm="ortho"), torch.fft.rfft2(hr, norm="ortho")
        return (spectra[0].abs() - spectra[1].abs()).abs().mean()
