"""The open frame for experiments with blocks: head, N times one block by name, long skip, a tail by option."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Annotated, Any, Literal

from msgspec import Meta
from torch import Tensor, nn

from srkit.components.blocks.layers import Norm, check_odd, check_range
from srkit.components.by_name import build_nested
from srkit.components.generators.upsampling import steps_of
from srkit.contracts import Block, Factory

__all__ = ["Trunk"]


class Trunk(nn.Module):
    """Open frame for block experiments: head, N times a block, long skip, a tail of choice.

    Head conv 3 -> C; `blocks` times `block`; conv 3x3, batch norm by option, plus the head's output; then the tail,
    ending with conv 3x3 C -> 3. Tails, with n = `tail_convolutions` of 3x3 C -> C and LeakyReLU 0.1:

    - "shuffle": conv 3x3 C -> C * scale^2, LeakyReLU, PixelShuffle by the whole scale; n convolutions after it.
    - "shuffle-steps": the same once for each doubling (or once by 3), n convolutions after each: x2x2 against x4.
    - "nearest": nearest enlarging in steps, conv 3x3 and LeakyReLU after each, n convolutions more.

    LR (B, 3, h, w) in [0, 1] -> SR (B, 3, h * scale, w * scale), no output activation. Any whole scale with "shuffle",
    1, 2, 3, 4, 8 with the others. State keys `head`, `body.N`, `fuse`, `tail.N`.

    Args:
        scale: how many times larger the picture becomes.
        block: the block, by its name or as a table with `use` and options.
        blocks: how many times the block stands in the trunk.
        channels: channels of the trunk (C).
        shared: use ONE block, with one set of weights, `blocks` times.
        head_kernel: side of the first convolution, an odd number.
        norm: "batch" puts batch norm after the convolution that closes the trunk; blocks have an option of their own.
        long_skip: add the head's output to the trunk's.
        tail: how the picture is enlarged.
        tail_convolutions: convolutions after each enlarging.
    """

    def __init__(
        self,
        scale: int,
        block: Factory[Block] | str | Mapping[str, Any] = "residual",
        blocks: Annotated[int, Meta(ge=1)] = 16,
        channels: Annotated[int, Meta(ge=1)] = 64,
        shared: bool = False,
        head_kernel: Annotated[int, Meta(ge=1)] = 3,
        norm: Norm = "none",
        long_skip: bool = True,
        tail: Literal["shuffle", "shuffle-steps", "nearest"] = "shuffle",
        tail_convolutions: Annotated[int, Meta(ge=0)] = 1,
    ) -> None:
        super().__init__()
        for key, value, least in (("scale", scale, 1), ("blocks", blocks, 1), ("channels", channels, 1)):
            check_range(key, value, least)
        check_range("tail_convolutions", tail_convolutions, 0)
        check_odd("head_kernel", head_kernel)
        self.turns = blocks if shared else 1
        self.long_skip = long_skip
        self.head = nn.Conv2d(3, channels, head_kernel, padding=head_kernel // 2)
        self.body = nn.Sequential(
            *(build_nested(block, "blocks", "block", channels=channels) for _ in range(1 if shared else blocks))
        )
        self.fuse = nn.Sequential(nn.Conv2d(channels, channels, 3, padding=1, bias=norm == "none"))
        if norm == "batch":
            self.fuse.append(nn.BatchNorm2d(channels))
        self.tail = nn.Sequential(*make_tail(tail, scale, channels, tail_convolutions))
        self.multiple_of = math.lcm(*(getattr(one, "multiple_of", 1) for one in self.body))

    def forward(self, lr: Tensor) -> Tensor:
        """LR (B, 3, h, w) in [0, 1] -> SR (B, 3, h * scale, w * scale)."""
        head = self.head(lr)
        x = head
        for _ in range(self.turns):
            x = self.body(x)
        x = self.fuse(x)
        return self.tail(head + x if self.long_skip else x)


def convolution(inputs: int, outputs: int) -> list[nn.Module]:
    """A 3x3 convolution with LeakyReLU 0.1."""
    return [nn.Conv2d(inputs, outputs, 3, padding=1), nn.LeakyReLU(0.1, inplace=True)]


def make_tail(tail: str, scale: int, channels: int, convolutions: int) -> list[nn.Module]:
    """The layers from the trunk to the picture."""
    layers: list[nn.Module] = []
    steps = ([scale] if scale > 1 else []) if tail == "shuffle" else steps_of(scale, f"trunk with tail = {tail!r}")
    for step in steps:
        if tail == "nearest":
            layers += [nn.Upsample(scale_factor=step, mode="nearest"), *convolution(channels, channels)]
        else:
            layers += [*convolution(channels, channels * step**2), nn.PixelShuffle(step)]
        for _ in range(convolutions):
            layers += convolution(channels, channels)
    return [*layers, nn.Conv2d(channels, 3, 3, padding=1)]
