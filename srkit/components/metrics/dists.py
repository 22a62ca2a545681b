"""DISTS as a metric."""

from __future__ import annotations

from torch import Tensor

from srkit.components import perceptual

__all__ = ["Dists"]


class Dists(perceptual.Dists):
    """DISTS, from 0 to about 1: unlikeness of structure and texture; lower is better.

    Ding et al. 2020, arXiv 2004.07728, at the pictures' own size. VGG16's weights are torchvision's ImageNet ones,
    downloaded once; the channels' come with torchmetrics (pip install 'srkit[perceptual]').

    SR and HR (B, 3, H, W) float on the 8-bit grid in [0, 1], borders already cropped, sides of at least 16 pixels ->
    (B,).
    """

    unit = ""
    higher_is_better = False

    def __init__(self) -> None:
        super().__init__()

    def forward(self, sr: Tensor, hr: Tensor) -> Tensor:
        """SR and HR (B, 3, H, W) -> (B,)."""
        return super().forward(sr, hr)
