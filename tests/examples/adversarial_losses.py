"""An adversarial loss: what each of the two players is to bring down."""

from __future__ import annotations

import torch
from torch import Tensor

from srkit.contracts import Views


class Squares:
    """Logits of originals are drawn to 1 and those of fakes to 0; the generator draws its own to 1.

    Mao et al. 2017, arXiv 1611.04076.

    Args:
        target: what originals are drawn to; a little below 1 keeps the discriminator from being too sure.
    """

    def __init__(self, target: float = 1.0) -> None:
        self.target = target

    def generator_term(self, views: Views) -> Tensor:
        """Fakes should look like originals."""
        return self._distance(views, views.sr, self.target)

    def discriminator_term(self, views: Views) -> dict[str, Tensor]:
        """Each is told from the other; `views.sr` comes without a graph here."""
        return {"real": self._distance(views, views.hr, self.target), "fake": self._distance(views, views.sr, 0.0)}

    @staticmethod
    def _distance(views: Views, image: Tensor, target: float) -> Tensor:
        assert views.discriminator is not None
        logits = views.discriminator(image).logits
        return torch.stack([(one.float() - target).square().mean() for one in logits]).mean()
