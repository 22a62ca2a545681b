"""DISTS as a loss."""

from __future__ import annotations

from pathlib import Path
from typing import Literal

from torch import Tensor, nn

from srkit.components import perceptual
from srkit.contracts import Shared

__all__ = ["Dists"]


class Dists(nn.Module):
    """DISTS: likeness of structure and texture; bears texture that is alike but elsewhere.

    Ding et al. 2020, arXiv 2004.07728, the mean over samples; VGG16's weights are torchvision's ImageNet ones, the
    channels' come with torchmetrics (pip install 'srkit[perceptual]'). SR and HR (B, 3, H, W) in [0, 1] with sides of
    at least 16 pixels, a scalar out.

    Args:
        weights: "imagenet" (downloaded once) or a file in torchvision's layout.
        shared: builds the network once for all losses of a run.
    """

    def __init__(self, weights: Literal["imagenet"] | Path = "imagenet", shared: Shared | None = None) -> None:
        super().__init__()
        file = None if weights == "imagenet" else Path(weights)

        def build() -> perceptual.Dists:
            return perceptual.Dists(file)

        self.distance = shared(("dists", str(weights)), build) if shared is not None else build()
        self.provenance = self.distance.provenance

    def forward(self, sr: Tensor, hr: Tensor) -> Tensor:
        """SR and HR (B, 3, H, W) -> scalar."""
        return self.distance(sr, hr).mean()
