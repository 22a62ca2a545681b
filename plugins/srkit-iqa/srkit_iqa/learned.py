"""Metrics of piq's that learned from people's judgements and need weights."""

from __future__ import annotations

from torch import Tensor

from srkit_iqa.calling import each
from srkit_iqa.weights import fetched

__all__ = ["Brisque", "PieApp"]

RELEASES = "https://github.com/photosynthesis-team/piq/releases/download"


class Brisque:
    """BRISQUE, about 0 to 100: how distorted a picture looks, without its original; lower is better.

    Mittal, Moorthy and Bovik 2012, "No-reference image quality assessment in the spatial domain": statistics of
    normalized luminance and a support vector machine, whose vectors are downloaded once.
    SR (B, 3, H, W) in [0, 1] -> (B,).
    """

    unit = ""
    higher_is_better = False

    def __init__(self) -> None:
        fetched("brisque", f"{RELEASES}/v0.4.0/brisque_svm_weights.pt")

    def __call__(self, sr: Tensor) -> Tensor:
        """(B, 3, H, W) -> (B,)."""
        import piq

        return each("brisque", lambda image: piq.brisque(image.clamp(0, 1), reduction="none"), sr)


class PieApp:
    """PieAPP, from about 0: how likely people are to prefer the original; lower is better.

    Prashnani et al. 2018, arXiv 1806.02067; on patches of 64 pixels, 27 apart. Weights are downloaded once.
    SR and HR (B, 3, H, W) in [0, 1], sides of at least 64 pixels -> (B,).
    """

    unit = ""
    higher_is_better = False

    def __init__(self) -> None:
        import piq

        fetched("pieapp", f"{RELEASES}/v0.5.4/PieAPPv0.1.pth")
        self.network = piq.PieAPP(reduction="none").eval()

    def __call__(self, sr: Tensor, hr: Tensor) -> Tensor:
        """(B, 3, H, W) twice -> (B,)."""
        return each("pieapp", lambda a, b: self.network(a.clamp(0, 1), b.clamp(0, 1)), sr, hr)
