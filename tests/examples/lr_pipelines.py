"""An LR pipeline: everything between the original and the small picture, in one piece."""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor

from srkit.contracts import Draws


class Compact:
    """A camera of a phone: noise before the picture is shrunk, and exposure after it, in either order.

    Args:
        noise: the largest standard deviation, in levels of 255.
    """

    def __init__(self, scale: int, noise: float = 10.0) -> None:
        self.scale, self.noise = scale, noise

    def __call__(self, hr: Tensor, draws: Draws) -> Tensor:
        """(B, 3, H, W) -> (B, 3, H // scale, W // scale)."""
        sigma = draws.uniform(0, self.noise / 255).to(hr)[:, None, None, None]
        noisy = F.avg_pool2d(hr + sigma * draws.normal(*hr.shape[1:]).to(hr), self.scale)
        clean = F.avg_pool2d(hr, self.scale)
        late = clean + sigma * draws.normal(*clean.shape[1:]).to(hr)
        is_early = torch.tensor(draws.choice([True, False]), device=hr.device)[:, None, None, None]
        return torch.where(is_early, noisy, late).clamp(0, 1)
