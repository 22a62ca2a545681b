"""Peak signal-to-noise ratio on luma and on RGB."""

from __future__ import annotations

from torch import Tensor

from srkit.components.metrics.planes import luma, rgb

__all__ = ["PsnrRgb", "PsnrY", "psnr"]


def psnr(sr: Tensor, hr: Tensor) -> Tensor:
    """(B, C, H, W) in 0..255 -> (B,) in dB with a peak of 255; infinite where both are equal."""
    return 10 * (255.0**2 / (sr - hr).square().mean((1, 2, 3))).log10()


class PsnrY:
    """PSNR on luma in dB, the field's usual number: 10 log10(255^2 / mse) on BT.601's Y.

    Luma lies in 16..235 as in MATLAB's rgb2ycbcr and is not rounded, as in BasicSR: bicubic on Set5 then measures
    33.68 / 30.40 / 28.43 dB (x2, x3, x4); rounded it would be 0.01 to 0.04 dB lower. Infinite for equal pictures.

    SR and HR (B, 3, H, W) float on the 8-bit grid in [0, 1], borders already cropped -> (B,) float64.
    """

    unit = "dB"
    higher_is_better = True

    def __call__(self, sr: Tensor, hr: Tensor) -> Tensor:
        """SR and HR (B, 3, H, W) -> (B,)."""
        return psnr(luma(sr), luma(hr))


class PsnrRgb:
    """PSNR on RGB in dB: 10 log10(255^2 / mse) over all three channels together.

    Lower than `psnr-y` for the same picture: luma spans 219 steps instead of 255 and colours err more. Infinite for
    equal pictures.

    SR and HR (B, 3, H, W) float on the 8-bit grid in [0, 1], borders already cropped -> (B,) float64.
    """

    unit = "dB"
    higher_is_better = True

    def __call__(self, sr: Tensor, hr: Tensor) -> Tensor:
        """SR and HR (B, 3, H, W) -> (B,)."""
        return psnr(rgb(sr), rgb(hr))
