"""Metrics that piq computes, without weights."""

from __future__ import annotations

from typing import ClassVar

from torch import Tensor

from srkit_iqa.calling import each

__all__ = ["Dss", "Fsim", "Gmsd", "HaarPsi", "IwSsim", "Mdsi", "MsGmsd", "SrSim", "Vsi"]


class PiqMetric:
    """A function of piq's that compares pictures.

    Attributes:
        name: the metric's name, for messages.
        function: the function.
    """

    name: ClassVar[str]
    function: ClassVar[str]
    unit = ""
    higher_is_better = True

    def __call__(self, sr: Tensor, hr: Tensor) -> Tensor:
        """SR and HR (B, 3, H, W) in [0, 1] -> (B,)."""
        import piq  # takes a second to import

        function = getattr(piq, self.function)
        return each(self.name, lambda a, b: function(a.clamp(0, 1), b.clamp(0, 1), reduction="none"), sr, hr)


class Gmsd(PiqMetric):
    """GMSD, from 0: how unevenly gradients differ over the picture; lower is better.

    Xue et al. 2013, arXiv 1308.3052. Of luma at half size. SR and HR (B, 3, H, W) in [0, 1] -> (B,).
    """

    name, function = "gmsd", "gmsd"
    higher_is_better = False


class MsGmsd(PiqMetric):
    """MS-GMSD, from 0: GMSD at four sizes of the picture; lower is better.

    Zhang et al. 2017, "Gradient magnitude similarity deviation on multiple scales for color image quality assessment",
    on luma. SR and HR (B, 3, H, W) in [0, 1], sides of at least 17 pixels -> (B,).
    """

    name, function = "ms-gmsd", "multi_scale_gmsd"
    higher_is_better = False


class Fsim(PiqMetric):
    """FSIM with colour (FSIMc), up to 1: likeness of phase congruency, gradients and chroma.

    Zhang et al. 2011, "FSIM: a feature similarity index for image quality assessment".
    SR and HR (B, 3, H, W) in [0, 1] -> (B,).
    """

    name, function = "fsim", "fsim"


class Vsi(PiqMetric):
    """VSI, up to 1: likeness of saliency, gradients and chroma, places that draw the eye counting more.

    Zhang, Shen and Li 2014, "VSI: a visual saliency-induced index for perceptual image quality assessment".
    SR and HR (B, 3, H, W) in [0, 1] -> (B,).
    """

    name, function = "vsi", "vsi"


class Mdsi(PiqMetric):
    """MDSI, from 0: how unevenly gradients and chroma differ over the picture; lower is better.

    Ziaei Nafchi et al. 2016, arXiv 1608.07433. SR and HR (B, 3, H, W) in [0, 1] -> (B,).
    """

    name, function = "mdsi", "mdsi"
    higher_is_better = False


class HaarPsi(PiqMetric):
    """HaarPSI, from 0 to 1: likeness of the coefficients of Haar wavelets.

    Reisenhofer et al. 2016, arXiv 1607.06140. SR and HR (B, 3, H, W) in [0, 1], sides of at least 16 pixels -> (B,).
    """

    name, function = "haarpsi", "haarpsi"


class SrSim(PiqMetric):
    """SR-SIM, up to 1: likeness of gradients, where the spectrum's residual is large counting more.

    Zhang and Li 2012, "SR-SIM: a fast and high performance IQA index based on spectral residual".
    SR and HR (B, 3, H, W) in [0, 1], sides of at least 40 pixels -> (B,).
    """

    name, function = "sr-sim", "srsim"


class Dss(PiqMetric):
    """DSS, up to 1: likeness of the coefficients of a cosine transform, low and high frequencies apart.

    Balanov et al. 2015, "Image quality assessment based on DCT subband similarity".
    SR and HR (B, 3, H, W) in [0, 1], sides of at least 8 pixels -> (B,).
    """

    name, function = "dss", "dss"


class IwSsim(PiqMetric):
    """IW-SSIM, up to 1: MS-SSIM, places that hold more information counting more.

    Wang and Li 2011, "Information content weighting for perceptual image quality assessment".
    SR and HR (B, 3, H, W) in [0, 1], sides of at least 161 pixels -> (B,).
    """

    name, function = "iw-ssim", "information_weighted_ssim"
