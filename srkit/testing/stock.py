"""The kit's own small parts, which stand in where a component asks for another one and names none."""

from __future__ import annotations

from typing import Literal

import numpy as np
import torch.nn.functional as F
from torch import Tensor, nn

import srkit
from srkit.contracts import Draws

__all__ = ["Block", "Dataset", "Degradation", "Discriminator", "Downscaler", "Generator", "PixelLoss"]


@srkit.component("blocks")
class Block(nn.Module):
    """One convolution and its input."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.layer = nn.Conv2d(channels, channels, 3, padding=1)

    def forward(self, x: Tensor) -> Tensor:
        """(B, channels, h, w) -> the same."""
        return x + self.layer(x)


@srkit.component("generators")
class Generator(nn.Module):
    """One convolution and a pixel shuffle."""

    def __init__(self, scale: int) -> None:
        super().__init__()
        self.layers = nn.Sequential(nn.Conv2d(3, 3 * scale**2, 3, padding=1), nn.PixelShuffle(scale))

    def forward(self, lr: Tensor) -> Tensor:
        """(B, 3, h, w) -> (B, 3, h * scale, w * scale)."""
        picture: Tensor = self.layers(lr)
        return picture


@srkit.component("discriminators")
class Discriminator(nn.Module):
    """Two convolutions, a logit for each place."""

    def __init__(self) -> None:
        super().__init__()
        self.layers = nn.Sequential(
            nn.Conv2d(3, 4, 3, stride=2, padding=1), nn.LeakyReLU(0.1), nn.Conv2d(4, 1, 3, padding=1)
        )

    def forward(self, image: Tensor) -> Tensor:
        """(B, 3, H, W) -> (B, 1, H / 2, W / 2)."""
        logits: Tensor = self.layers(image)
        return logits


@srkit.component("pixel_losses")
class PixelLoss(nn.Module):
    """Mean squared error."""

    def forward(self, sr: Tensor, hr: Tensor) -> Tensor:
        """(B, 3, H, W) twice -> scalar."""
        return F.mse_loss(sr, hr)


@srkit.component("downscalers")
class Downscaler:
    """Plain averages."""

    works_on: Literal["batch"] = "batch"

    def __init__(self, scale: int) -> None:
        self.scale = scale

    def __call__(self, hr: Tensor) -> Tensor:
        """(B, 3, H, W) -> (B, 3, H // scale, W // scale)."""
        return F.avg_pool2d(hr, self.scale)


@srkit.component("degradations")
class Degradation:
    """Darkens each picture by its own factor."""

    def __call__(self, batch: Tensor, draws: Draws) -> Tensor:
        """(B, 3, h, w) -> the same."""
        return batch * draws.uniform(0.5, 1.0).to(batch)[:, None, None, None]


@srkit.component("datasets")
class Dataset:
    """Two pictures of noise."""

    def __len__(self) -> int:
        return 2

    def __getitem__(self, index: int) -> np.ndarray:
        """uint8 RGB (H, W, 3)."""
        return np.random.default_rng(index).integers(0, 255, (24, 32, 3), dtype=np.uint8)

    def name(self, index: int) -> str:
        """Its number."""
        return str(index)
