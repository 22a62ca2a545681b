"""Metrics that torchmetrics computes. None of them needs weights."""

from __future__ import annotations

import torch
from torch import Tensor

from srkit_iqa.calling import each

# torchmetrics takes seconds to import, so functions import it


class Vif:
    """VIF: how much of the original's information the picture keeps, 1 for the original; above 1 more contrast.

    Sheikh and Bovik 2006, "Image information and visual quality", in its pixel domain; the mean over R, G and B, which
    count from 0 to 255. SR and HR (B, 3, H, W) in [0, 1], sides of at least 41 pixels -> (B,).
    """

    unit = ""
    higher_is_better = True

    def __call__(self, sr: Tensor, hr: Tensor) -> Tensor:
        """(B, 3, H, W) twice -> (B,)."""
        from torchmetrics.functional.image import visual_information_fidelity

        return each("vif", lambda a, b: visual_information_fidelity(255 * a, 255 * b), sr, hr, dtype=torch.float64)


class Uqi:
    """UQI: the universal quality index, from -1 to 1: SSIM without its constants.

    Wang and Bovik 2002, "A universal image quality index", with SSIM's Gaussian window; the mean over R, G and B.
    SR and HR (B, 3, H, W) in [0, 1], sides of at least 11 pixels -> (B,) float64.
    """

    unit = ""
    higher_is_better = True

    def __call__(self, sr: Tensor, hr: Tensor) -> Tensor:
        """(B, 3, H, W) twice -> (B,)."""
        from torchmetrics.functional.image import universal_image_quality_index

        return each("uqi", universal_image_quality_index, sr, hr, dtype=torch.float64)


class Sam:
    """SAM, in radians: the angle between the colours of picture and original; blind to brightness; lower is better.

    Yuhas, Goetz and Boardman 1992, "Discrimination among semi-arid landscape endmembers using the spectral angle
    mapper"; the mean over pixels. A pixel that is black in one of the two has no angle and is left out.
    SR and HR (B, 3, H, W) in [0, 1] -> (B,) float64.
    """

    unit = "rad"
    higher_is_better = False

    def __call__(self, sr: Tensor, hr: Tensor) -> Tensor:
        """(B, 3, H, W) twice -> (B,)."""
        return each("sam", _angle, sr, hr, dtype=torch.float64)


def _angle(sr: Tensor, hr: Tensor) -> Tensor:
    from torchmetrics.functional.image import spectral_angle_mapper

    coloured = (sr.amax(1) > 0) & (hr.amax(1) > 0)
    angles: Tensor = spectral_angle_mapper(sr, hr, reduction="none")[coloured]
    return angles.mean() if angles.numel() else angles.new_zeros(())


class Ergas:
    """ERGAS: errors of R, G and B relative to their means, in one number from 0; lower is better.

    Wald 2000, "Quality of high resolution synthesised images": 100 / 4 times the root of the mean over channels of
    (RMSE / mean)^2. The 4 is the ratio of resolutions that the field reports with, whatever the scale.
    SR and HR (B, 3, H, W) in [0, 1] -> (B,) float64.
    """

    unit = ""
    higher_is_better = False

    def __call__(self, sr: Tensor, hr: Tensor) -> Tensor:
        """(B, 3, H, W) twice -> (B,)."""
        from torchmetrics.functional.image import error_relative_global_dimensionless_synthesis

        return each("ergas", error_relative_global_dimensionless_synthesis, sr, hr, dtype=torch.float64)


class Rase:
    """RASE, from 0: the error in windows of 8 x 8 pixels relative to the windows' mean; lower is better.

    Gonzalez-Audicana et al. 2004, "Fusion of multispectral and panchromatic images using improved IHS and PCA mergers
    based on wavelet decomposition", in torchmetrics' form. SR and HR (B, 3, H, W) in [0, 1], sides of at least 8
    pixels -> (B,) float64.
    """

    unit = ""
    higher_is_better = False

    def __call__(self, sr: Tensor, hr: Tensor) -> Tensor:
        """(B, 3, H, W) twice -> (B,)."""
        from torchmetrics.functional.image import relative_average_spectral_error

        return each("rase", relative_average_spectral_error, sr, hr, dtype=torch.float64)


class RmseSw:
    """RMSE in sliding windows of 8 x 8 pixels, the mean over windows, in levels of 255; lower is better.

    SR and HR (B, 3, H, W) in [0, 1], sides of at least 8 pixels -> (B,) float64.
    """

    unit = "levels"
    higher_is_better = False

    def __call__(self, sr: Tensor, hr: Tensor) -> Tensor:
        """(B, 3, H, W) twice -> (B,)."""
        from torchmetrics.functional.image import root_mean_squared_error_using_sliding_window as rmse

        return each("rmse-sw", lambda a, b: rmse(255 * a, 255 * b), sr, hr, dtype=torch.float64)


class Scc:
    """SCC, from -1 to 1: the correlation of what a Laplacian finds in picture and original: of fine detail.

    Zhou, Civco and Silander 1998, "A wavelet transform method to merge Landsat TM and SPOT panchromatic data", in
    windows of 8 x 8 pixels. SR and HR (B, 3, H, W) in [0, 1], sides of at least 8 pixels -> (B,) float64.
    """

    unit = ""
    higher_is_better = True

    def __call__(self, sr: Tensor, hr: Tensor) -> Tensor:
        """(B, 3, H, W) twice -> (B,)."""
        from torchmetrics.functional.image import spatial_correlation_coefficient

        return each("scc", spatial_correlation_coefficient, sr, hr, dtype=torch.float64)


class PsnrB:
    """PSNR-B, in dB: PSNR on luma that counts the edges of 8 x 8 blocks, which JPEG leaves, as an error.

    Yim and Bovik 2011, "Quality assessment of deblocked images". Luma is BT.601's in full range, of 0 to 1.
    SR and HR (B, 3, H, W) in [0, 1], sides of at least 17 pixels -> (B,) float64, infinity for equal pictures without
    such edges.
    """

    unit = "dB"
    higher_is_better = True

    def __call__(self, sr: Tensor, hr: Tensor) -> Tensor:
        """(B, 3, H, W) twice -> (B,)."""
        from torchmetrics.functional.image import peak_signal_noise_ratio_with_blocked_effect as psnrb

        return each("psnr-b", lambda a, b: psnrb(_luma(a), _luma(b), data_range=1.0), sr, hr, dtype=torch.float64)


def _luma(image: Tensor) -> Tensor:
    """(B, 3, H, W) -> (B, 1, H, W)."""
    weights = image.new_tensor([0.299, 0.587, 0.114]).view(1, 3, 1, 1)
    return (weights * image).sum(1, keepdim=True)
