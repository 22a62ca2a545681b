"""A discriminator that looks at a picture at two sizes, and hands over its features."""

from __future__ import annotations

import torch.nn.functional as F
from torch import Tensor, nn

from srkit.contracts import DiscriminatorOutput


class TwoSizes(nn.Module):
    """Two small networks, one for the picture and one for its half.

    Image (B, 3, H, W) -> logits for each place at a half and at a quarter of the size, and the layers before them.

    Args:
        channels: channels of both networks.
    """

    def __init__(self, channels: int = 16) -> None:
        super().__init__()
        self.bodies = nn.ModuleList(nn.Conv2d(3, channels, 4, stride=2, padding=1) for _ in range(2))
        self.heads = nn.ModuleList(nn.Conv2d(channels, 1, 3, padding=1) for _ in range(2))

    def forward(self, image: Tensor) -> DiscriminatorOutput:
        """(B, 3, H, W) -> (B, 1, H / 2, W / 2) and (B, 1, H / 4, W / 4)."""
        logits, features = [], []
        for body, head in zip(self.bodies, self.heads, strict=True):
            seen = F.leaky_relu(body(image), 0.2)
            features.append(seen)
            logits.append(head(seen))
            image = F.avg_pool2d(image, 2)
        return DiscriminatorOutput(logits, features)
