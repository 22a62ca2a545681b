"""The relativistic adversarial loss, place by place."""

from __future__ import annotations

from typing import Annotated

from msgspec import Meta
from torch import Tensor

from srkit.components.adversarial_losses.game import Game
from srkit.components.adversarial_losses.targets import cross_entropy

__all__ = ["Relativistic"]


class Relativistic(Game):
    """Relativistic GAN loss: the original should look more real than the fake at each place.

    Jolicoeur-Martineau 2018, arXiv 1807.00734, in its paired form as the notes (experiments/notes.md) use it, with r
    and f the logits of original and fake at one place: the discriminator minimizes -log sigmoid(r - f), the generator
    -log sigmoid(f - r). Capped, this is the notes' loss: they put 9000 in the place of the difference, whose loss is 0
    to the last bit.

    Noted beside it: `real_above_fake`, the fraction of places where r > f, and with `capped` the fraction of places
    where the generator is let off. The mean is over all places, then over the discriminator's scales.

    Args:
        capped: let the generator off where its logit is above the original's: value 0, no gradient, at that place.
        label_smoothing: how far below 1 the discriminator's target for originals lies (of the difference's sigmoid).
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
        super().__init__(
            "relativistic", capped=capped, label_smoothing=label_smoothing, r1=r1, r1_every=r1_every, needs_real=True
        )

    def generator_places(self, real: Tensor, fake: Tensor) -> Tensor:
        """-log sigmoid(f - r) at each place."""
        return cross_entropy(fake - real, 1)

    def discriminator_places(self, real: Tensor, fake: Tensor) -> Tensor:
        """-log sigmoid(r - f) at each place."""
        return cross_entropy(real - fake, self.real_target)

    def judged(self, real: Tensor, fake: Tensor) -> tuple[Tensor, Tensor]:
        """By the difference: both are right where r > f."""
        return real > fake, fake < real
