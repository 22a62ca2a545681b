"""The least-squares adversarial loss."""

from __future__ import annotations

from typing import Annotated

from msgspec import Meta
from torch import Tensor

from srkit.components.adversarial_losses.game import Game

__all__ = ["Lsgan"]


class Lsgan(Game):
    """Least-squares GAN loss: logits are drawn to 1 for originals and to 0 for fakes.

    Mao et al. 2016, arXiv 1611.04076, with r and f the logits of original and fake at one place: the discriminator
    minimizes ((r - 1)^2 + f^2) / 2, the generator (f - 1)^2 / 2.

    Noted beside it: `real_above_fake`, the fraction of places where r > f, and with `capped` the fraction of places
    where the generator is let off. The mean is over all places, then over the discriminator's scales.

    Args:
        capped: let the generator off where its logit is above the original's: value 0, no gradient, at that place.
        label_smoothing: how far below 1 the discriminator's target for originals lies (one-sided).
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
        super().__init__("lsgan", capped=capped, label_smoothing=label_smoothing, r1=r1, r1_every=r1_every)

    def generator_places(self, real: Tensor, fake: Tensor) -> Tensor:
        """(f - 1)^2 / 2 at each place."""
        return (fake - 1).square() / 2

    def discriminator_places(self, real: Tensor, fake: Tensor) -> Tensor:
        """((r - 1)^2 + f^2) / 2 at each place."""
        return ((real - self.real_target).square() + fake.square()) / 2

    def judged(self, real: Tensor, fake: Tensor) -> tuple[Tensor, Tensor]:
        """By the middle between the two targets."""
        return real > self.real_target / 2, fake < self.real_target / 2
