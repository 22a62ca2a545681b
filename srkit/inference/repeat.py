"""A generator applied several times to its own result: x2 twice gives x4."""

from __future__ import annotations

from collections.abc import Callable

from torch import Tensor, nn

from srkit.assembly.multiples import multiple_of
from srkit.contracts import GeneratorOutput


class Repeated(nn.Module):
    """A generator applied `times` times.

    In between, the picture is clamped to [0, 1], which is what a generator was trained on, and not rounded.

    LR (B, 3, h, w) float in [0, 1] -> SR (B, 3, h * scale ** times, w * scale ** times), unclamped.

    Args:
        module: the generator.
        times: how often, from 1.
    """

    def __init__(self, module: Callable[[Tensor], Tensor | GeneratorOutput], times: int) -> None:
        super().__init__()
        if times < 1:
            raise ValueError(f"a generator is applied once or more often, not {times} times")
        self.module = module
        self.multiple_of = multiple_of(module)  # multiples stay such when they are enlarged
        self.times = times

    def forward(self, lr: Tensor) -> Tensor:
        """LR -> SR."""
        picture = lr
        for number in range(self.times):
            output = self.module(picture.clamp(0, 1) if number else picture)
            picture = output.sr if isinstance(output, GeneratorOutput) else output
        return picture


def repeats_needed(native: int, scale: int, most: int) -> int | None:
    """How often a generator of scale `native` is applied to reach `scale`: once or `most` times; None for neither.

    >>> repeats_needed(2, 4, 2), repeats_needed(4, 4, 2), repeats_needed(3, 4, 2)
    (2, 1, None)
    """
    if native == scale:
        return 1
    return most if native**most == scale else None
