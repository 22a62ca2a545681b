"""A generator applied to its own result: twice x2 gives x4."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Any

from msgspec import Meta
from torch import Tensor, nn

from srkit.components.blocks.layers import check_range
from srkit.components.by_name import build_nested
from srkit.contracts import Factory, Generator, GeneratorOutput
from srkit.errors import OptionError

__all__ = ["Cascade"]


class Cascade(nn.Module):
    """A generator applied several times to its own result: twice x2 gives x4.

    The notes (experiments/notes.md) ask for training through G(G(x)), which this does: the gradient passes through all
    applications. The picture between two applications is neither clamped nor rounded. What the generator gives beside
    its picture (`extras`) is handed on from the last application. State keys `generators.N`.

    LR (B, 3, h, w) in [0, 1] -> SR (B, 3, h * scale, w * scale). The scale is a whole number's `times`-th power, and
    that number a scale of the generator.

    Args:
        scale: how many times larger the picture becomes in all.
        generator: the generator, by its name or as a table with `use` and options.
        times: how often it is applied.
        own_weights: give each application a network of its own instead of the same weights.
    """

    def __init__(
        self,
        scale: int,
        generator: Factory[Generator] | str | Mapping[str, Any] = "espcn",
        times: Annotated[int, Meta(ge=1)] = 2,
        own_weights: bool = False,
    ) -> None:
        super().__init__()
        check_range("scale", scale, 1)
        check_range("times", times, 1)
        root = round(scale ** (1 / times))
        if root**times != scale:
            raise OptionError(
                "scale", f"{times} equal steps make {root**times} or {(root + 1) ** times}, not {scale}; change times."
            )
        self.times = times
        self.generators = nn.ModuleList(
            build_nested(generator, "generators", "generator", scale=root) for _ in range(times if own_weights else 1)
        )
        self.multiple_of = getattr(self.generators[0], "multiple_of", 1)  # multiples stay such when they are enlarged

    def forward(self, lr: Tensor) -> Tensor | GeneratorOutput:
        """LR (B, 3, h, w) in [0, 1] -> SR (B, 3, h * scale, w * scale)."""
        output: Tensor | GeneratorOutput = lr
        for turn in range(self.times):
            image = output.sr if isinstance(output, GeneratorOutput) else output
            output = self.generators[turn % len(self.generators)](image)
        return output
