"""A feature loss whose frozen network is built once, however many losses use it."""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from srkit.contracts import Shared


class RandomTexture(nn.Module):
    """Distance between what fixed random filters see, at the picture's size and at its half.

    SR and HR (B, 3, H, W) -> scalar; no gradient reaches HR.

    Args:
        filters: how many filters there are.
    """

    def __init__(self, shared: Shared, filters: int = 8) -> None:
        super().__init__()
        self.layer = shared(("random-texture", filters), lambda: _frozen(filters))

    def forward(self, sr: Tensor, hr: Tensor) -> Tensor:
        """(B, 3, H, W) twice -> scalar."""
        sr = sr.to(hr.dtype)
        return self._distance(sr, hr) + self._distance(F.avg_pool2d(sr, 2), F.avg_pool2d(hr, 2))

    def _distance(self, sr: Tensor, hr: Tensor) -> Tensor:
        with torch.no_grad():
            wanted = self.layer(hr).relu()
        return (self.layer(sr).relu() - wanted).abs().mean()


def _frozen(filters: int) -> nn.Module:
    """The same filters each time, on no global stream."""
    layer = nn.Conv2d(3, filters, 3, bias=False).requires_grad_(False)
    stream = torch.Generator().manual_seed(0)
    layer.weight.copy_(torch.randn(filters, 3, 3, 3, generator=stream) / 27**0.5)
    return layer
