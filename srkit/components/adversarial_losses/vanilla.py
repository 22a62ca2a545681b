"""The adversarial loss of the first GANs, with the generator's term that does not saturate."""

from __future__ import annotations

from typing import Annotated

from msgspec import Meta
from torch import Tensor

from srkit.components.adversarial_losses.game import Game
from srkit.components.adversarial_losses.targets import cross_entropy

__all__ = ["Vanilla"]


class Vanilla(Game):
    """GAN loss of the first hour: real or fake by cross entropy; SRGAN's and Real-ESRGAN's.

    Goodfellow et al. 2014, arXiv 1406.2661, with the generator's term that does not saturate, as everyone trains it. r
    and f are the logits of original and fake at one place: the discriminator minimizes the sum of -log sigmoid(r) and
    -log(1 - sigmoid(f)), the generator -log sigmoid(f).

    Noted beside it: `real_above_fake`, the fraction of places where r > f, and with `capped` the fraction of places
    where the generator is let off. The mean is over all places, then over the discriminator's scales.

    Args:
        capped: let the generator off where its logit is above the original's: value 0, no gradient, at that place.
        label_smoothing: how far below 1 the discriminator's target for originals lies (one-sided, arXiv 1606.03498).
        r1: factor of the R1 penalty (Mescheder et al. 2018, arXiv 1801.04406): r1 / 2 times the squared gradient of the
            discriminator's logits, summed over places, by the original; 0 for none.
        r1_every: apply the R1 penalty in every so many steps only, and so many times as strongly.
    """

    def __init__(
        self,
        capped: bool = False,
        label_smoothing: Annotated[float, Meta(ge=0, lt=0.5)] = 0.0,
        r1: Annotated[float, Meta(ge=0)] = 0.0,
        r1_every: Annotated[int, Meta(ge=1)] = 1,
    ) -> None:
        super().__init__("vanilla", capped=capped, label_smoothing=label_smoothing, r1=r1, r1_every=r1_every)

    def generator_places(self, real: Tensor, fake: Tensor) -> Tensor:
        """-log sigmoid(f) at each place."""
        return cross_entropy(fake, 1)

    def discriminator_places(self, real: Tensor, fake: Tensor) -> Tensor:
        """-log sigmoid(r) - log(1 - sigmoid(f)) at each place."""
        return cross_entropy(real, self.real_target) + cross_entropy(fake, 0)
