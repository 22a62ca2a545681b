"""LPIPS as a metric."""

from __future__ import annotations

from torch import Tensor

from srkit.components import perceptual

__all__ = ["Lpips"]


class Lpips(perceptual.Lpips):
    """LPIPS with AlexNet, from 0: how different two pictures look; lower is better.

    Zhang et al. 2018, arXiv 1801.03924, version 0.1 with "alex", as the field reports it. The network's weights are
    torchvision's ImageNet ones, downloaded once; the channels' come with torchmetrics (pip install
    'srkit[perceptual]').

    SR and HR (B, 3, H, W) float on the 8-bit grid in [0, 1], borders already cropped, sides of at least 31 pixels ->
    (B,).
    """

    unit = ""
    higher_is_better = False

    def __init__(self) -> None:
        super().__init__("alex")

    def forward(self, sr: Tensor, hr: Tensor) -> Tensor:
        """SR and HR (B, 3, H, W) -> (B,)."""
        return super().forward(sr, hr)
