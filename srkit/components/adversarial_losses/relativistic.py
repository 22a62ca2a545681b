"""The relativistic adversarial loss, place by place."""

from __future__ import annotations

from collections.abc import Callable

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from srkit.contracts import DiscriminatorOutput, Views
from srkit.errors import UserError

__all__ = ["Relativistic"]


class Relativistic(nn.Module):
    """Relativistic GAN loss: the original should look more real than the fake at each place.

    Jolicoeur-Martineau 2018, arXiv 1807.00734, in its paired form as the project's notes use it, with r and f the
    logits of original and fake at one place: the discriminator minimizes -log sigmoid(r - f), the generator
    -log sigmoid(f - r); each the mean over all places, then over the discriminator's scales. No gradient passes
    through the original's logits in the generator's term, nor to the generator from the discriminator's.

    Logged beside it: `real_above_fake`, the fraction of places where r > f in the discriminator's term, and with
    `capped` the fraction of places where the generator is let off.

    Args:
        capped: where the fake looks more real than the original already, the generator's term is 0 without gradient.
    """

    def __init__(self, capped: bool = False) -> None:
        super().__init__()
        self.capped = capped

    def generator_term(self, views: Views) -> Tensor:
        """The mean of softplus(r - f), a scalar; notes `capped`."""
        discriminator = discriminator_of(views)
        fake = discriminator(views.sr).logits
        with torch.no_grad():
            real = discriminator(views.hr).logits
        terms, fractions = [], []
        for one_real, one_fake in zip(real, fake, strict=True):
            ahead = one_fake.float() - one_real.detach().float()  # f - r, (B, 1, H', W')
            term = F.softplus(-ahead)
            if self.capped:
                capped = ahead > 0
                # The notes put 9000 in the place of the difference; softplus(-9000) is 0 to the last bit.
                term = term.masked_fill(capped, 0.0)
                fractions.append(capped.float().mean())
            terms.append(term.mean())
        if fractions:
            views.note("capped", torch.stack(fractions).mean())
        return torch.stack(terms).mean()

    def discriminator_term(self, views: Views) -> Tensor:
        """The mean of softplus(f - r), a scalar; notes `real_above_fake`."""
        discriminator = discriminator_of(views)
        real = discriminator(views.hr).logits
        fake = discriminator(views.sr.detach() if views.sr.requires_grad else views.sr).logits
        leads = [one_real.float() - one_fake.float() for one_real, one_fake in zip(real, fake, strict=True)]
        views.note("real_above_fake", torch.stack([(lead.detach() > 0).float().mean() for lead in leads]).mean())
        return torch.stack([F.softplus(-lead).mean() for lead in leads]).mean()


def discriminator_of(views: Views) -> Callable[[Tensor], DiscriminatorOutput]:
    """The discriminator of the views, or an error where the experiment has none."""
    if views.discriminator is None:
        raise UserError("the adversarial loss 'relativistic' asks a discriminator: add a [discriminator] table")
    return views.discriminator
