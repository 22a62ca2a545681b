"""The hinge adversarial loss."""

from __future__ import annotations

from typing import Annotated

import torch.nn.functional as F
from msgspec import Meta
from torch import Tensor

from srkit.components.adversarial_losses.game import Game

__all__ = ["Hinge"]


class Hinge(Game):
    """Hinge GAN loss: the discriminator stops where it is right by a margin of 1.

    Lim and Ye 2017, arXiv 1705.02894, with r and f the logits of original and fake at one place: the discriminator
    minimizes max(0, 1 - r) + max(0, 1 + f), the generator -f.

    Noted beside it: `real_above_fake`, the fraction of places where r > f, and with `capped` the fraction of places
    where the generator is let off. The mean is over all places, then over the discriminator's scales.

    Args:
        capped: let the generator off where its logit is above the original's: value 0, no gradient, at that place.
        r1: factor of the R1 penalty (Mescheder et al. 2018, arXiv 1801.04406): r1 / 2 times the squared gradient of the
            discriminator's logits, summed over places, by the original; 0 for none.
        r1_every: apply the R1 penalty in every so many steps only, and so many times as strongly.
    """

    def __init__(
        self,
        capped: bool = False,
        r1: Annotated[float, Meta(ge=0)] = 0.0,
        r1_every: Annotated[int, Meta(ge=1)] = 1,
    ) -> None:
        super().__init__("hinge", capped=capped, r1=r1, r1_every=r1_every)

    def generator_places(self, real: Tensor, fake: Tensor) -> Tensor:
        """-f at each place."""
        return -fake

    def discriminator_places(self, real: Tensor, fake: Tensor) -> Tensor:
        """max(0, 1 - r) + max(0, 1 + f) at each place."""
        return F.relu(1 - real) + F.relu(1 + fake)
