"""The frozen convolutions of a VGG, as deep as the deepest loss asks."""

from __future__ import annotations

from collections.abc import Callable, Collection
from typing import Literal

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from srkit.components.feature_losses.architectures import Architecture, Convolution, convolutions
from srkit.contracts import Provenance

__all__ = ["Source", "Trunk"]

Source = Callable[[Convolution], tuple[Tensor, Tensor]]
"""Gives a convolution's weight (outputs, inputs, 3, 3) and bias (outputs,)."""

IMAGENET_MEAN = (0.485, 0.456, 0.406)
IMAGENET_DEVIATION = (0.229, 0.224, 0.225)


class Trunk(nn.Module):
    """VGG's convolutions with ImageNet's normalization; several losses share one.

    Its weights are buffers that are not saved: they follow `.to(...)`, are no parameters of anything that trains, and
    stay out of every state_dict, because they come from a file or a seed again.

    Args:
        architecture: which VGG.
        source: where the weights come from; asked for each convolution once.
        provenance: what is known about the weights.
    """

    def __init__(self, architecture: Architecture, source: Source, provenance: Provenance) -> None:
        super().__init__()
        self.plan = convolutions(architecture)
        self.source = source
        self.provenance = provenance
        self.depth = 0
        self.mean: Tensor
        self.deviation: Tensor
        self.register_buffer("mean", torch.tensor(IMAGENET_MEAN).view(1, 3, 1, 1), persistent=False)
        self.register_buffer("deviation", torch.tensor(IMAGENET_DEVIATION).view(1, 3, 1, 1), persistent=False)

    def require(self, name: str) -> None:
        """Build the convolutions up to this one, those that are not there yet."""
        needed = 1 + [convolution.name for convolution in self.plan].index(name)
        for convolution in self.plan[self.depth : needed]:
            weight, bias = self.source(convolution)
            self.register_buffer(f"{convolution.name}_weight", weight.to(self.mean), persistent=False)
            self.register_buffer(f"{convolution.name}_bias", bias.to(self.mean), persistent=False)
            self.depth += 1

    def forward(
        self, image: Tensor, layers: Collection[str], activation: Literal["before", "after"]
    ) -> dict[str, Tensor]:
        """Image (B, 3, H, W) in [0, 1] -> each chosen layer's features (B, C, H >> level, W >> level)."""
        kept: dict[str, Tensor] = {}
        x = (image - self.mean) / self.deviation
        level = 0
        for convolution in self.plan[: self.depth]:
            if convolution.level > level:
                x = F.max_pool2d(x, 2)
                level = convolution.level
            weight, bias = self.get_buffer(f"{convolution.name}_weight"), self.get_buffer(f"{convolution.name}_bias")
            x = F.conv2d(x, weight, bias, padding=1)
            wanted = convolution.name in layers
            if wanted and activation == "before":
                kept[convolution.name] = x
            if len(kept) < len(layers):
                x = F.relu(x, inplace=convolution.name not in kept)  # in place it would overwrite what was just kept
                if wanted:
                    kept.setdefault(convolution.name, x)
            if len(kept) == len(layers):
                break
        return kept
