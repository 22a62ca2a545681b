"""The notes' final generator: groups of dilated and dense blocks, then pixel shuffles with convolutions after them."""

from __future__ import annotations

from collections.abc import Mapping
from functools import partial
from typing import Annotated

from msgspec import Meta
from torch import Tensor, nn

from srkit.components.blocks.layers import check_range
from srkit.components.blocks.residual_in_residual import ResidualInResidual
from srkit.components.foreign import BY_ORDER, fits, in_order
from srkit.components.generators.upsampling import steps_of
from srkit.contracts import Foreign

__all__ = ["RrdbShuffle"]

SCALES = (1, 2, 3, 4, 8)
TENSORS_OF_A_GROUP = 3 * (4 + 3) * 2  # weight and bias of each convolution

DENSE = {"use": "residual-dense", "layers": 3, "growth": 0, "slope": 0.1, "init": "torch"}


class RrdbShuffle(nn.Module):
    """The notes' final generator: groups of dilated and dense blocks, pixel shuffle.

    As in experiments/notes.md: conv 5x5 3 -> C; 16 groups, each x + 0.2 * (dilated, dense-3, dilated, dense-3, dilated,
    dense-3)(x), dense growth C; for each doubling conv 3x3 C -> 2C, LeakyReLU, 1x1 2C -> 4C, LeakyReLU, PixelShuffle 2,
    conv 3x3 C -> C, LeakyReLU; at the end conv 3x3 C -> 3. All LeakyReLU 0.1, biases everywhere, no long skip, no
    output activation. 16,293,763 parameters at scale 2. At scale 4 two doublings, with a convolution between them and
    one after.

    LR (B, 3, h, w) in [0, 1] -> SR (B, 3, h * scale, w * scale). Scales 1, 2, 3, 4, 8.

    Args:
        scale: how many times larger the picture becomes.
        channels: channels of the trunk (C).
        blocks: groups in the trunk.
        checkpoint: keep only each group's input for the gradient and compute its insides again: less memory, slower.
        inplace: let activations overwrite their input, which saves memory and changes no value.
    """

    def __init__(
        self,
        scale: int,
        channels: Annotated[int, Meta(ge=1)] = 64,
        blocks: Annotated[int, Meta(ge=1)] = 16,
        checkpoint: bool = False,
        inplace: bool = True,
    ) -> None:
        super().__init__()
        check_range("channels", channels, 1)
        check_range("blocks", blocks, 1)
        c = channels
        self.head = nn.Conv2d(3, c, 5, padding=2)
        group = ({"use": "dilated", "inplace": inplace}, {**DENSE, "inplace": inplace})
        self.body = nn.Sequential(
            *(ResidualInResidual(c, blocks=group, repeat=3, checkpoint=checkpoint) for _ in range(blocks))
        )
        self.tail = nn.Sequential()

        def activation() -> nn.Module:
            return nn.LeakyReLU(0.1, inplace=inplace)

        steps = steps_of(scale, "rrdb-shuffle")
        for step in steps:
            self.tail.extend([nn.Conv2d(c, 2 * c, 3, padding=1), activation()])
            self.tail.extend([nn.Conv2d(2 * c, c * step**2, 1), activation(), nn.PixelShuffle(step)])
            self.tail.extend([nn.Conv2d(c, c, 3, padding=1), activation()])
        if not steps:
            self.tail.extend([nn.Conv2d(c, c, 3, padding=1), activation()])
        self.tail.append(nn.Conv2d(c, 3, 3, padding=1))

    @staticmethod
    def recognize(weights: Mapping[str, Tensor], ordered: bool) -> Foreign | None:
        """The notes' final network under our names, or under any others in our order; for `srkit import`."""
        first = next(iter(weights.values()), None)
        if "head.weight" in weights:
            first = weights["head.weight"]
        if first is None or first.dim() != 4 or first.shape[1:] != (3, 5, 5):
            return None
        channels = first.shape[0]
        for scale in SCALES:
            steps = len(steps_of(scale, "rrdb-shuffle"))
            blocks, rest = divmod(len(weights) - 2 - (2 + 6 * steps if steps else 4), TENSORS_OF_A_GROUP)
            if blocks < 1 or rest:
                continue
            options = {"scale": scale, "channels": channels, "blocks": blocks}
            make = partial(RrdbShuffle, scale, channels, blocks)
            if fits(weights, make):
                return Foreign("the notes' final generator", options, weights)
            if ordered and (found := in_order(weights, make)) is not None:
                return Foreign("the notes' final generator", options, found, (BY_ORDER,))
        return None

    def forward(self, lr: Tensor) -> Tensor:
        """LR (B, 3, h, w) in [0, 1] -> SR (B, 3, h * scale, w * scale)."""
        return self.tail(self.body(self.head(lr)))
