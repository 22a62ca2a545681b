"""The Wasserstein adversarial loss with gradient penalty."""

from __future__ import annotations

from typing import Annotated

from msgspec import Meta
from torch import Tensor

from srkit.components.adversarial_losses.averages import averages
from srkit.components.adversarial_losses.game import Game, critic_gradient, discriminator_of
from srkit.contracts import Views
from srkit.errors import OptionError

__all__ = ["WganGp"]

TINY = 1e-12


class WganGp(Game):
    """Wasserstein GAN loss with gradient penalty: a critic of bounded slope.

    Gulrajani et al. 2017, arXiv 1704.00028, with r and f the logits of original and fake at one place: the
    discriminator minimizes f - r + penalty * (|g| - 1)^2, the generator -f. g is the gradient of a sample's logits,
    summed over places as CycleGAN's and BasicSR's programs do, by the picture, taken between original and fake at a
    place drawn for each sample from `views.draws`; |g| is over all of the picture's values. Discriminators
    without batch norm fit: it ties the samples together.

    Noted beside it: `real_above_fake`, the fraction of places where r > f, and with `capped` the fraction of places
    where the generator is let off. The mean is over all places, then over the discriminator's scales.

    Args:
        capped: let the generator off where its logit is above the original's: value 0, no gradient, at that place.
        penalty: factor of the gradient penalty.
        r1: factor of the R1 penalty (Mescheder et al. 2018, arXiv 1801.04406): r1 / 2 times the squared gradient of the
            discriminator's logits, summed over places, by the original; 0 for none.
        r1_every: apply the R1 penalty in every so many steps only, and so many times as strongly.
    """

    def __init__(
        self,
        capped: bool = False,
        penalty: Annotated[float, Meta(ge=0)] = 10.0,
        r1: Annotated[float, Meta(ge=0)] = 0.0,
        r1_every: Annotated[int, Meta(ge=1)] = 1,
    ) -> None:
        super().__init__("wgan-gp", capped=capped, r1=r1, r1_every=r1_every)
        if penalty < 0:
            raise OptionError("penalty", f"a factor from 0, got {penalty}.")
        self.penalty = penalty

    def generator_places(self, real: Tensor, fake: Tensor) -> Tensor:
        """-f at each place."""
        return -fake

    def discriminator_places(self, real: Tensor, fake: Tensor) -> Tensor:
        """f - r at each place."""
        return fake - real

    def penalties(self, views: Views) -> dict[str, Tensor]:
        """The gradient penalty, and R1 where it is asked for."""
        if not self.penalty:
            return super().penalties(views)
        hr, sr = views.hr, views.sr.detach().to(views.hr.dtype)
        share = views.draws.uniform().to(hr.device, hr.dtype).view(-1, 1, 1, 1)
        gradient = critic_gradient(discriminator_of(views, self.name), sr + share * (hr - sr))
        # The floor keeps the root's slope finite where nothing of the picture matters to the critic.
        norm = gradient.square().sum((1, 2, 3)).clamp(min=TINY).sqrt()
        return {"gradient": self.penalty * (norm - 1).square().mean(), **super().penalties(views)}

    def judged(self, real: Tensor, fake: Tensor) -> tuple[Tensor, Tensor]:
        """A critic's values have no zero: against the other's mean, r > F and f < R."""
        mean_real, mean_fake = averages(real, fake)
        return real > mean_fake, fake < mean_real
