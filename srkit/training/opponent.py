"""The discriminator as losses see it: images shifted alike, the original's logits computed once and without graph."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor, nn

from srkit.assembly import takes_lr
from srkit.contracts import DiscriminatorOutput, Draws


class Opponent:
    """`Views.discriminator` for one part of a batch.

    Args:
        network: the discriminator.
        lr: the generator's input, handed on where the network's `forward` takes `lr`.
        offset: how far (down, right) both images are shifted.
        room: how many pixels a shifted image loses on each axis; 0 for a network that takes `lr`, which is not shifted.
        originals: in the generator's step all forms of the original, whose logits need no graph; none in the
            discriminator's.
    """

    def __init__(
        self, network: nn.Module, lr: Tensor, offset: tuple[int, int], room: int, originals: Sequence[Tensor] = ()
    ) -> None:
        self.network = network
        self.lr = lr
        self.offset = offset
        self.room = room
        self.originals = originals
        self._outputs: dict[int, DiscriminatorOutput] = {}

    def __call__(self, image: Tensor) -> DiscriminatorOutput:
        number = next((number for number, one in enumerate(self.originals) if one is image), None)
        if number is None:
            return self._judge(image)
        if number not in self._outputs:
            with torch.no_grad():
                self._outputs[number] = self._judge(image)
        return self._outputs[number]

    def _judge(self, image: Tensor) -> DiscriminatorOutput:
        if self.room:
            down, right = self.offset
            height, width = image.shape[-2] - self.room, image.shape[-1] - self.room
            image = image[..., down : down + height, right : right + width]
        output = self.network(image, lr=self.lr) if takes_lr(self.network) else self.network(image)
        if isinstance(output, Tensor):
            output = DiscriminatorOutput([output])
        return DiscriminatorOutput([logits.float() for logits in output.logits], output.features)


def draw_offset(draws: Draws, room: int) -> tuple[int, int]:
    """One shift for a whole batch, each axis in 0..room."""
    if not room:
        return 0, 0
    return int(draws.integers(0, room)[0]), int(draws.integers(0, room)[0])


class Frozen:
    """While inside, a network's weights take no gradient; its train mode stays, so batch norm uses each batch's own
    statistics, for the real and the fake pictures separately."""

    def __init__(self, network: object) -> None:
        own = network.parameters() if isinstance(network, nn.Module) else ()  # a game may be a plain object
        self.parameters = [one for one in own if one.requires_grad]

    def __enter__(self) -> None:
        for parameter in self.parameters:
            parameter.requires_grad_(False)

    def __exit__(self, *_: object) -> None:
        for parameter in self.parameters:
            parameter.requires_grad_(True)
