"""What all adversarial losses have in common: logits of both images, the cap, the mean over scales, the R1 penalty."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable

import torch
from torch import Tensor, nn

from srkit.contracts import DiscriminatorOutput, Views
from srkit.errors import OptionError, UserError
from srkit.exactness import at_least_float32

__all__ = ["Game", "critic_gradient", "discriminator_of"]


class Game(nn.Module, ABC):
    """The frame of an adversarial loss; a loss says what one place of the logits is worth to each player.

    Both terms are the mean over all places, then over the discriminator's scales. No gradient passes through the
    original's logits in the generator's term, nor to the generator from the discriminator's. Noted beside the
    discriminator's term: `real_above_fake`, the fraction of places where the original's logit is the greater one, and
    `accuracy_real` and `accuracy_fake`, the fraction of places of each that it judges right; see `judged`.

    Args:
        name: the loss's name in messages.
        capped: let the generator off where its logit is above the original's at the same place: the place counts with
            value 0 and no gradient; the fraction of such places is noted as `capped`.
        label_smoothing: what the discriminator's target for originals is below 1.
        r1: the R1 penalty's factor; 0 for none.
        r1_every: apply it in every so many steps, times so much.
        needs_real: whether the generator's term looks at the original's logits even without the cap.
    """

    def __init__(
        self,
        name: str,
        *,
        capped: bool,
        label_smoothing: float = 0.0,
        r1: float = 0.0,
        r1_every: int = 1,
        needs_real: bool = False,
    ) -> None:
        super().__init__()
        if not 0 <= label_smoothing < 0.5:
            raise OptionError("label_smoothing", f"a number from 0 to below 0.5, got {label_smoothing}.")
        if r1 < 0:
            raise OptionError("r1", f"a factor from 0, got {r1}.")
        if r1_every < 1:
            raise OptionError("r1_every", f"a number of steps from 1, got {r1_every}.")
        self.name = name
        self.capped = capped
        self.real_target = 1 - label_smoothing
        self.r1, self.r1_every = r1, r1_every
        self.needs_real = needs_real or capped

    @abstractmethod
    def generator_places(self, real: Tensor, fake: Tensor) -> Tensor:
        """The generator's loss at each place; `real` has no gradient (and is empty where it is not needed)."""

    @abstractmethod
    def discriminator_places(self, real: Tensor, fake: Tensor) -> Tensor:
        """The discriminator's loss at each place."""

    def judged(self, real: Tensor, fake: Tensor) -> tuple[Tensor, Tensor]:
        """At which places the discriminator takes the original for one, and the fake for a fake: by a logit's sign."""
        return real > 0, fake < 0

    def generator_term(self, views: Views) -> Tensor:
        """The generator's loss, a scalar; notes `capped`."""
        discriminator = discriminator_of(views, self.name)
        fakes = discriminator(views.sr).logits
        with torch.no_grad():
            reals = discriminator(views.hr).logits if self.needs_real else [one.new_empty(0) for one in fakes]
        terms, fractions = [], []
        for real, fake in zip(map(at_least_float32, reals), map(at_least_float32, fakes), strict=True):
            real = real.detach()
            if self.capped:
                ahead = fake > real
                # Detached as well as masked: a mean over all places would still pass a gradient to a capped one.
                term = self.generator_places(real, fake.detach().where(ahead, fake)).masked_fill(ahead, 0.0)
                fractions.append(ahead.float().mean())
            else:
                term = self.generator_places(real, fake)
            terms.append(term.mean())
        if fractions:
            views.note("capped", torch.stack(fractions).mean())
        return torch.stack(terms).mean()

    def discriminator_term(self, views: Views) -> Tensor | dict[str, Tensor]:
        """The discriminator's loss; a scalar, or the parts `logits` and penalties; notes its accuracy."""
        discriminator = discriminator_of(views, self.name)
        sr = views.sr.detach() if views.sr.requires_grad else views.sr
        reals = [at_least_float32(one) for one in discriminator(views.hr).logits]
        fakes = [at_least_float32(one) for one in discriminator(sr).logits]
        pairs = list(zip(reals, fakes, strict=True))
        with torch.no_grad():
            views.note("real_above_fake", torch.stack([(real > fake).float().mean() for real, fake in pairs]).mean())
            right = [self.judged(real, fake) for real, fake in pairs]
            for name, places in zip(("accuracy_real", "accuracy_fake"), zip(*right, strict=True), strict=True):
                views.note(name, torch.stack([one.float().mean() for one in places]).mean())
        term = torch.stack([self.discriminator_places(real, fake).mean() for real, fake in pairs]).mean()
        penalties = self.penalties(views)
        return {"logits": term, **penalties} if penalties else term

    def penalties(self, views: Views) -> dict[str, Tensor]:
        """What is added to the discriminator's term, by name."""
        if not self.r1:
            return {}
        if views.step % self.r1_every:
            return {"r1": views.hr.new_zeros(())}
        gradient = critic_gradient(discriminator_of(views, self.name), views.hr)
        return {"r1": self.r1 * self.r1_every / 2 * gradient.square().sum((1, 2, 3)).mean()}


def critic_gradient(discriminator: Callable[[Tensor], DiscriminatorOutput], image: Tensor) -> Tensor:
    """The gradient of the sum of each sample's logits by its picture (B, 3, H, W), itself with a graph.

    The papers' critics give one number a picture. Where there are many places, published programs (Mescheder's
    `d_out.sum()`, BasicSR's, CycleGAN's `grad_outputs` of ones) take their sum, and their factors are meant for it:
    what one pixel contributes does not depend on the size of the patch, while by the mean it would shrink with its
    area. With multi-scale discriminators the mean over scales is taken. Computed without autocast: squares of small
    gradients vanish in half precisions. Batch norm ties the samples of a batch together, so norms without it fit
    better.
    """
    leaf = image.detach().clone().requires_grad_()
    with torch.enable_grad(), torch.autocast(image.device.type, enabled=False):
        sums = [at_least_float32(logits).flatten(1).sum(1) for logits in discriminator(leaf).logits]
        value = torch.stack(sums).mean(0).sum()
        (gradient,) = torch.autograd.grad(value, leaf, create_graph=True)
    return gradient


def discriminator_of(views: Views, name: str) -> Callable[[Tensor], DiscriminatorOutput]:
    """The discriminator of the views, or an error where the experiment has none."""
    if views.discriminator is None:
        raise UserError(f"the adversarial loss {name!r} asks a discriminator: add a [discriminator] table")
    return views.discriminator
