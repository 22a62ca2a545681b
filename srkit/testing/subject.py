"""The component under test: built as a run builds it, called as a run calls it, on small pictures."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

from srkit.assembly import SharedParts
from srkit.assembly.borrowed import lend
from srkit.contracts import Claims
from srkit.draws import SampleDraws, StreamKey
from srkit.errors import FAILURES, OptionError, UserError
from srkit.experiment.picks import Pick
from srkit.testing.rule import NotTried

Size = tuple[int, int]
Inputs = list[Tensor]
Outputs = dict[str, Tensor]

SCALES = (2, 4, 3, 1)
CHANNELS = (4, 8, 16, 64)
LEARNING_RATE = 0.05
STEPS = 100


@dataclass(frozen=True)
class Calling:
    """How the components of a kind are called.

    Attributes:
        sizes: heights and widths to try, smallest first; the first that is not refused is used.
        inputs: makes the pictures for a component: (subject, size, batch, seed).
        outputs: calls what was built; every tensor it gives, by name.
    """

    sizes: tuple[Size, ...]
    inputs: Callable[[Subject, Size, int, int], Inputs]
    outputs: Callable[[Subject, Any, Inputs], Outputs]


class Subject:
    """One component, its options as the kit builds it, and what it claims of itself.

    Args:
        pick: the component with its options.
        claims: what it says of itself.
        calling: how its kind is called; None where it is not called on pictures.
        folder: where files may be written.
    """

    def __init__(self, pick: Pick, claims: Claims, calling: Calling | None, folder: Path) -> None:
        self.pick, self.claims, self.folder = pick, claims, folder
        self._calling = calling
        self.weights = nn.Parameter(torch.tensor([1.0, -2.0, 3.0]))

    @property
    def calling(self) -> Calling:
        if self._calling is None:
            raise NotTried(f"{self.pick.component.kind.plural} are not called on pictures")
        return self._calling

    @cached_property
    def scale(self) -> int:
        """The first scale that the component does not refuse."""
        return self._first("scale", SCALES)

    @cached_property
    def channels(self) -> int:
        """The first number of channels that it does not refuse."""
        return self._first("channels", CHANNELS)

    def _first(self, key: str, values: tuple[int, ...]) -> int:
        if key not in self.pick.component.kind.given:
            return values[0]
        for value in values:
            try:
                self._built(0, **{key: value})
            except OptionError as error:
                if error.key != key:
                    raise
            else:
                return value
        return values[0]

    def build(self, seed: int = 0, **given: Any) -> Any:
        """A fresh one, its weights drawn from a seed; a module in training mode, as it was built.

        Raises:
            Exception: whatever the factory raises.
        """
        return self._built(seed, **{"scale": self.scale, "channels": self.channels} | given)

    def _built(self, seed: int, **given: Any) -> Any:
        parameters = [{"params": [self.weights], "lr": LEARNING_RATE}]
        everything = {"steps": STEPS, "shared": SharedParts(), "parameters": parameters} | given
        if "scale" not in given:
            everything["scale"] = SCALES[0]
        if "channels" not in given:
            everything["channels"] = CHANNELS[0]
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(seed)
            built = self.pick.build(**everything)
        lend(built, self.pick.component.kind)
        return built

    @cached_property
    def size(self) -> Size:
        """The smallest of the kind's sizes at which the component runs; the first one where it runs at none."""
        for size in self.calling.sizes:
            try:
                self.call(self.build(), self.inputs(size=size))
            except FAILURES:
                continue  # refused or failed: a larger picture may do, and the rule `runs` says what happens at none
            return size
        return self.calling.sizes[0]

    def inputs(self, size: Size | None = None, batch: int = 2, seed: int = 1) -> Inputs:
        """Fresh pictures."""
        return self.calling.inputs(self, size or self.size, batch, seed)

    def call(self, built: Any, inputs: Inputs) -> Outputs:
        """Every tensor that the component gives, by name."""
        return self.calling.outputs(self, built, inputs)

    def called(self, built: Any, inputs: Inputs, seed: int = 0) -> Outputs:
        """As `call`, with torch's global stream set to a seed and put back, and without graph."""
        with torch.random.fork_rng(devices=[]), torch.no_grad():
            torch.manual_seed(seed)
            return self.call(built, inputs)

    def quiet(self, seed: int = 0) -> Any:
        """A fresh one in evaluation mode, where it has one."""
        built = self.build(seed)
        return built.eval() if isinstance(built, nn.Module) else built

    def module(self, seed: int = 0) -> nn.Module:
        """A fresh one that is a module.

        Raises:
            NotTried: it is none.
        """
        built = self.build(seed)
        if not isinstance(built, nn.Module):
            raise NotTried("it is no torch module")
        return built


def draws(batch: int, first: int = 0) -> SampleDraws:
    """The streams of a step's samples, the same ones each time."""
    return SampleDraws(StreamKey(seed=7, attempt=0, step=3), range(first, first + batch), "kit")


def pictures(size: Size, batch: int, seed: int, channels: int = 3) -> Tensor:
    """(B, channels, h, w) float in [0, 1] on the 8-bit grid, smooth with some noise, a function of the seed alone."""
    stream = torch.Generator().manual_seed(seed)
    coarse = torch.rand(batch, channels, 4, 4, generator=stream)
    smooth = nn.functional.interpolate(coarse, size=size, mode="bilinear", align_corners=False)
    noisy = smooth * 0.7 + 0.15 + 0.15 * (torch.rand(batch, channels, *size, generator=stream) - 0.5)
    return noisy.clamp(0, 1).mul(255).round() / 255


def refused(error: BaseException) -> NotTried | None:
    """What a plain refusal means for a rule; None where the exception is none."""
    return NotTried(f"it says plainly that it cannot: {error}") if isinstance(error, UserError) else None
