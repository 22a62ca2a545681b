"""piq's likenesses and distances as pixel losses."""

from __future__ import annotations

from typing import ClassVar

import torch
from torch import Tensor, nn

from srkit_iqa.calling import full_precision, plain_refusal

__all__ = [
    "DssLoss",
    "FsimLoss",
    "GmsdLoss",
    "HaarPsiLoss",
    "MdsiLoss",
    "MsGmsdLoss",
    "SrSimLoss",
    "VifLoss",
    "VsiLoss",
]


class PiqLoss(nn.Module):
    """A loss of piq's: a distance, or 1 less a likeness.

    Its functions know pictures from 0 to 1 only, so SR is clipped to that: a value outside learns nothing here and
    needs another loss beside this one. Where a slope does not exist, as that of a root for two equal pictures, it is 0.

    Attributes:
        name: the loss's name, for messages.
        function: the class in piq.
    """

    name: ClassVar[str]
    function: ClassVar[str]

    def __init__(self) -> None:
        super().__init__()
        import piq  # takes a second to import

        self.loss = getattr(piq, self.function)()

    def forward(self, sr: Tensor, hr: Tensor) -> Tensor:
        """SR and HR (B, 3, H, W) -> scalar."""
        clipped = sr.to(hr.dtype).clamp(0, 1)
        if clipped.requires_grad:
            clipped.register_hook(_existing)
        with full_precision(sr), plain_refusal(self.name, hr):
            loss: Tensor = self.loss(clipped, hr.clamp(0, 1))
        return loss


def _existing(slope: Tensor) -> Tensor:
    return torch.nan_to_num(slope, nan=0.0, posinf=0.0, neginf=0.0)


class GmsdLoss(PiqLoss):
    """GMSD as a loss: gradients should differ evenly over the picture.

    Xue et al. 2013, arXiv 1308.3052; of luma at half size. SR and HR (B, 3, H, W) -> scalar.
    """

    name, function = "gmsd", "GMSDLoss"


class MsGmsdLoss(PiqLoss):
    """MS-GMSD as a loss: GMSD at four sizes.

    Zhang et al. 2017, "Gradient magnitude similarity deviation on multiple scales for color image quality assessment",
    on luma. SR and HR (B, 3, H, W), sides of at least 17 pixels -> scalar.
    """

    name, function = "ms-gmsd", "MultiScaleGMSDLoss"


class FsimLoss(PiqLoss):
    """1 less FSIMc: phase congruency, gradients and chroma should be alike.

    Zhang et al. 2011, "FSIM: a feature similarity index for image quality assessment".
    SR and HR (B, 3, H, W) -> scalar.
    """

    name, function = "fsim", "FSIMLoss"


class VsiLoss(PiqLoss):
    """1 less VSI: saliency, gradients and chroma should be alike.

    Zhang, Shen and Li 2014, "VSI: a visual saliency-induced index for perceptual image quality assessment".
    SR and HR (B, 3, H, W) -> scalar.
    """

    name, function = "vsi", "VSILoss"


class MdsiLoss(PiqLoss):
    """MDSI as a loss: gradients and chroma should differ evenly over the picture.

    Ziaei Nafchi et al. 2016, arXiv 1608.07433. SR and HR (B, 3, H, W) -> scalar.
    """

    name, function = "mdsi", "MDSILoss"


class HaarPsiLoss(PiqLoss):
    """1 less HaarPSI: Haar wavelets should answer alike.

    Reisenhofer et al. 2016, arXiv 1607.06140. SR and HR (B, 3, H, W), sides of at least 16 pixels -> scalar.
    """

    name, function = "haarpsi", "HaarPSILoss"


class SrSimLoss(PiqLoss):
    """1 less SR-SIM: gradients should be alike, most where the spectrum's residual is large.

    Zhang and Li 2012, "SR-SIM: a fast and high performance IQA index based on spectral residual".
    SR and HR (B, 3, H, W), sides of at least 40 pixels -> scalar.
    """

    name, function = "sr-sim", "SRSIMLoss"


class DssLoss(PiqLoss):
    """1 less DSS: the coefficients of a cosine transform should be alike.

    Balanov et al. 2015, "Image quality assessment based on DCT subband similarity".
    SR and HR (B, 3, H, W), sides of at least 8 pixels -> scalar.
    """

    name, function = "dss", "DSSLoss"


class VifLoss(PiqLoss):
    """1 less VIF: the original's information should be kept.

    Sheikh and Bovik 2006, "Image information and visual quality", in its pixel domain, on luminance.
    SR and HR (B, 3, H, W), sides of at least 41 pixels -> scalar.
    """

    name, function = "vif", "VIFLoss"
