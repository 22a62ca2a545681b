"""A degradation that draws for each picture on its own."""

from __future__ import annotations

from typing import Annotated

import msgspec
from torch import Tensor

from srkit.contracts import Draws

Share = Annotated[float, msgspec.Meta(ge=0, le=1)]


class Fog:
    """Mixes a grey into some of the pictures, each its own share and its own grey.

    Float (B, 3, h, w) in [0, 1] -> the same shape.

    Args:
        probability: of a picture to be changed.
        share: the largest share of grey.
    """

    def __init__(self, probability: Share = 0.5, share: Share = 0.3) -> None:
        self.probability, self.share = probability, share

    def __call__(self, batch: Tensor, draws: Draws) -> Tensor:
        """(B, 3, h, w) -> the same shape."""
        is_changed = (draws.uniform() < self.probability).float()
        share = (is_changed * draws.uniform(0, self.share)).to(batch)[:, None, None, None]
        grey = draws.uniform(0.5, 0.9).to(batch)[:, None, None, None]
        return batch * (1 - share) + grey * share
