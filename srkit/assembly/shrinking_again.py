"""`Views.downscale`: the experiment's downscaler for losses, refused where a gradient would be lost in it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import torch
from torch import Tensor

from srkit.contracts import Draws
from srkit.data.lr_images import LrMaker
from srkit.draws import SampleDraws, StreamKey
from srkit.errors import UserError
from srkit.exactness import all_bits

__all__ = ["Downscale", "NoGradient", "ShrinksAgain", "needs_downscale", "passes_gradients"]

SAMPLES, SIDE = 32, 24
"""On how many images a downscaler is tried (one that draws may do something else to each), and how large LR is."""


class NoGradient(UserError):
    """A loss shrinks the generator's image again, and no gradient would come back."""


def needs_downscale(loss: Any) -> bool:
    """Whether a loss says of itself that it needs gradients through `views.downscale`."""
    return bool(getattr(getattr(loss, "function", loss), "needs_downscale", False))


def passes_gradients(maker: LrMaker, scale: int, device: torch.device) -> bool:
    """Whether a gradient comes back through the downscaler, for each image of a batch and not only zeros."""
    stream = torch.Generator().manual_seed(0)
    image = torch.rand(SAMPLES, 3, SIDE * scale, SIDE * scale, generator=stream).mul(0.6).add(0.2).to(device)
    with torch.enable_grad(), all_bits(device):
        small = maker.shrink(image.requires_grad_(), SampleDraws(StreamKey(0, 0, 1), range(SAMPLES), "downscaler"))
        if not small.requires_grad:
            return False
        uneven = torch.linspace(1, 2, small.numel(), device=device).view_as(small)
        (gradient,) = torch.autograd.grad((small * uneven).sum(), image, allow_unused=True)
    return gradient is not None and bool(gradient.flatten(1).any(1).all())


@dataclass
class Downscale:
    """The downscaler of one experiment as losses may call it; it is tried once, when a gradient is first asked for.

    Attributes:
        maker: has the downscaler.
        scale: by how much it shrinks.
        name: what it is called in the experiment.
    """

    maker: LrMaker
    scale: int
    name: str
    _passes: bool | None = field(default=None, init=False)

    def passes(self, device: torch.device) -> bool:
        """Whether a loss can learn through it."""
        if self._passes is None:
            self._passes = passes_gradients(self.maker, self.scale, device)
        return self._passes

    def require(self, who: str, device: torch.device) -> None:
        """Raises NoGradient where none passes: names the loss, the downscaler, the cause and the way out."""
        if self.passes(device):
            return
        cause = "works on decoded images" if self.maker.downscaler.works_on == "image" else "loses them on the way"
        raise NoGradient(
            f"{who} needs a downscaler that lets gradients through, and {self.name!r} {cause}: choose another, such as "
            "'torch-bilinear' or 'torch-bicubic', or where no gradient is meant write views.downscale(image.detach())"
        )


@dataclass(frozen=True)
class ShrinksAgain:
    """What one loss finds as `views.downscale` in one step.

    Attributes:
        downscale: the experiment's.
        draws: the streams of the LR image, from their beginning: a downscaler that draws draws the same again.
        who: the loss, in words.
    """

    downscale: Downscale
    draws: Callable[[], Draws]
    who: str = "a loss"

    def __call__(self, image: Tensor) -> Tensor:
        """(B, 3, H, W) -> (B, 3, h, w). Raises NoGradient where the image wants a gradient and none would come."""
        if torch.is_grad_enabled() and image.requires_grad:
            self.downscale.require(self.who, image.device)
        with all_bits(image.device):  # as LR images are made, whatever the step computes in
            return self.downscale.maker.shrink(image, self.draws())
