"""The relativistic average adversarial loss."""

from __future__ import annotations

from typing import Annotated

from msgspec import Meta
from torch import Tensor

from srkit.components.adversarial_losses.averages import averages
from srkit.components.adversarial_losses.game import Game
from srkit.components.adversarial_losses.targets import cross_entropy

__all__ = ["RelativisticAverage"]


class RelativisticAverage(Game):
    """Relativistic average GAN loss, ESRGAN's: real beats the average fake.

    Jolicoeur-Martineau 2018, arXiv 1807.00734, as ESRGAN trains (Wang et al. 2018, arXiv 1809.00219). r and f are the
    logits of original and fake at one place, R and F their means over all places and samples, those of other processes
    included. The discriminator minimizes (-log sigmoid(r - F) - log(1 - sigmoid(f - R))) / 2, the generator
    (-log(1 - sigmoid(r - F)) - log sigmoid(f - R)) / 2; the halves are those of ESRGAN's program. A capped place counts
    with 0 and passes no gradient through F either. With accumulated gradients the means are each part's own.

    Noted beside it: `real_above_fake`, the fraction of places where r > f, and with `capped` the fraction of places
    where the generator is let off. The mean is over all places, then over the discriminator's scales.

    Args:
        capped: let the generator off where its logit is above the original's: value 0, no gradient, at that place.
        label_smoothing: how far below 1 the discriminator's target for originals lies; that for fakes stays 0.
        r1: factor of the R1 penalty (Mescheder et al. 2018, arXiv 1801.04406): r1 / 2 times the squared gradient of the
            discriminator's logits, summed over places, by the original; 0 for none.
        r1_every: apply the R1 penalty in every so many steps only, and so many times as strongly.
    """

    of_whole_batch = True

    def __init__(
        self,
        capped: bool = False,
        label_smoothing: Annotated[float, Meta(ge=0, lt=0.5)] = 0.0,
        r1: Annotated[float, Meta(ge=0)] = 0.0,
        r1_every: Annotated[int, Meta(ge=1)] = 1,
    ) -> None:
        super().__init__(
            "relativistic-average",
            capped=capped,
            label_smoothing=label_smoothing,
            r1=r1,
            r1_every=r1_every,
            needs_real=True,
        )

    def generator_places(self, real: Tensor, fake: Tensor) -> Tensor:
        """(-log(1 - sigmoid(r - F)) - log sigmoid(f - R)) / 2 at each place."""
        mean_real, mean_fake = averages(real, fake)
        return (cross_entropy(real - mean_fake, 0) + cross_entropy(fake - mean_real, 1)) / 2

    def discriminator_places(self, real: Tensor, fake: Tensor) -> Tensor:
        """(-log sigmoid(r - F) - log(1 - sigmoid(f - R))) / 2 at each place."""
        mean_real, mean_fake = averages(real, fake)
        return (cross_entropy(real - mean_fake, self.real_target) + cross_entropy(fake - mean_real, 0)) / 2

    def judged(self, real: Tensor, fake: Tensor) -> tuple[Tensor, Tensor]:
        """Against the other's mean: r > F, f < R."""
        mean_real, mean_fake = averages(real, fake)
        return real > mean_fake, fake < mean_real
