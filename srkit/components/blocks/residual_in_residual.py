"""Blocks in a row around one more scaled skip: ESRGAN's RRDB and the notes' group are two settings of it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Any

from msgspec import Meta
from torch import Tensor, nn

from srkit.components.blocks.layers import check_range, run, skip
from srkit.components.by_name import build_nested
from srkit.contracts import Block, Factory
from srkit.errors import OptionError

__all__ = ["ResidualInResidual"]


class ResidualInResidual(nn.Module):
    """Blocks in a row around a scaled skip: a residual block of residual blocks.

    x + residual_scale * blocks(x). By default ESRGAN's RRDB (Wang et al. 2018, arXiv 1809.00219): three dense blocks of
    five convolutions. The notes' group (experiments/notes.md): `blocks = ["dilated", { use = "residual-dense", layers =
    3, growth = 0, slope = 0.1, init = "torch" }]`, `repeat = 3`. (B, channels, h, w) -> the same shape. State keys
    `blocks.N`, counted through all repetitions.

    Args:
        channels: channels of input and output.
        blocks: the blocks, in order, each by its name or as a table with `use` and options.
        repeat: how many times the list is gone through, each time with weights of its own.
        residual_scale: what the row's result is multiplied with.
        checkpoint: keep only the group's input for the gradient and compute its insides again; not with batch norm.
    """

    def __init__(
        self,
        channels: int,
        blocks: tuple[Factory[Block] | str | Mapping[str, Any], ...] = ("residual-dense",),
        repeat: Annotated[int, Meta(ge=1)] = 3,
        residual_scale: float = 0.2,
        checkpoint: bool = False,
    ) -> None:
        super().__init__()
        check_range("channels", channels, 1)
        check_range("repeat", repeat, 1)
        if not blocks:
            raise OptionError("blocks", "at least one block is needed.")
        self.residual_scale = residual_scale
        self.checkpoint = checkpoint
        self.blocks = nn.Sequential(
            *(build_nested(block, "blocks", "blocks", channels=channels) for _ in range(repeat) for block in blocks)
        )
        if checkpoint and any(isinstance(one, nn.modules.batchnorm._BatchNorm) for one in self.modules()):
            raise OptionError("checkpoint", "batch norm would count each batch twice; take blocks without it.")

    def forward(self, x: Tensor) -> Tensor:
        """(B, channels, h, w) -> (B, channels, h, w)."""
        return skip(x, run(self.blocks, x, self.checkpoint), self.residual_scale)
