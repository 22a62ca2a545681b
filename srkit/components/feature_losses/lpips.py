"""LPIPS as a loss."""

from __future__ import annotations

from pathlib import Path
from typing import Literal

from torch import Tensor, nn

from srkit.components import perceptual
from srkit.contracts import Shared

__all__ = ["Lpips"]


class Lpips(nn.Module):
    """LPIPS: a perceptual distance whose weights follow people's judgement.

    Zhang et al. 2018, arXiv 1801.03924, version 0.1, the mean over samples; the network's weights are torchvision's
    ImageNet ones, the channels' come with torchmetrics (pip install 'srkit[perceptual]'). SR and HR (B, 3, H, W) in
    [0, 1] with sides of at least 16 pixels ("vgg") or 31 ("alex"), a scalar out.

    Args:
        net: "vgg", which its authors advise to optimize by, or "alex", by which they measure.
        weights: "imagenet" (downloaded once) or a file in torchvision's layout.
        shared: builds the network once for all losses of a run.
    """

    def __init__(
        self,
        net: perceptual.LpipsNetwork = "vgg",
        weights: Literal["imagenet"] | Path = "imagenet",
        shared: Shared | None = None,
    ) -> None:
        super().__init__()
        file = None if weights == "imagenet" else Path(weights)

        def build() -> perceptual.Lpips:
            return perceptual.Lpips(net, file)

        self.distance = shared(("lpips", net, str(weights)), build) if shared is not None else build()
        self.provenance = self.distance.provenance

    def forward(self, sr: Tensor, hr: Tensor) -> Tensor:
        """SR and HR (B, 3, H, W) -> scalar."""
        return self.distance(sr, hr).mean()
