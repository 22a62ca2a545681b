"""What a network looks at, found by walking through its operations without computing: reach, stride, memory."""

from __future__ import annotations

import copy
import math
import weakref
from collections.abc import Sequence
from dataclasses import dataclass
from fractions import Fraction
from typing import Any

import torch
from torch import Tensor, nn
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils.weak import WeakIdKeyDictionary

from srkit.assembly.multiples import multiple_of
from srkit.contracts import GeneratorOutput
from srkit.errors import FAILURES
from srkit.uncompiled import compiler_left_out

__all__ = ["Cell", "Walk", "walk"]

aten = torch.ops.aten

ACTIVATIONS = ("leaky_relu", "elu", "celu", "hardtanh", "hardswish", "hardsigmoid", "mish")

_KEPT = {
    aten.cat.default,
    aten.clone.default,
    aten.detach.default,
    aten.alias.default,
    aten._to_copy.default,
    aten.native_batch_norm.default,
    aten._native_batch_norm_legit_no_training.default,
    aten.native_dropout.default,
    aten._prelu_kernel.default,
    aten.copy_.default,
    aten.dropout.default,
    # activations that older versions of torch do not tag
    aten.softplus.default,
    *(getattr(aten, f"{name}{in_place}").default for name in ACTIVATIONS for in_place in ("", "_")),
}
"""Operations beside those tagged pointwise whose pixel depends on the same pixel of their inputs alone."""

_PADS = {aten.reflection_pad2d.default, aten.replication_pad2d.default, aten.constant_pad_nd.default}
_POOLS = {aten.max_pool2d_with_indices.default, aten.max_pool2d.default, aten.avg_pool2d.default}
_NEAREST = {aten.upsample_nearest2d.default, aten.upsample_nearest2d.vec}
_SMOOTH = {
    aten.upsample_bilinear2d.default: 1,
    aten.upsample_bilinear2d.vec: 1,
    aten.upsample_bicubic2d.default: 2,
    aten.upsample_bicubic2d.vec: 2,
}
"""Enlarging by interpolation -> input pixels to each side."""


@dataclass(frozen=True)
class Cell:
    """Which LR pixels a pixel of some tensor depends on: `i * jump - before` to `(i + 1) * jump + after`.

    Attributes:
        jump: LR pixels from one pixel to the next.
        before, after: how far it sees beyond its own place, in LR pixels.
    """

    jump: Fraction = Fraction(1)
    before: Fraction = Fraction(0)
    after: Fraction = Fraction(0)

    @property
    def side(self) -> int:
        """The side of the square of LR pixels one pixel depends on."""
        return math.floor(self.jump + self.before + self.after)

    @property
    def reach(self) -> int:
        """LR pixels to each side that a tile has to be larger by so that nothing is missing."""
        return max(0, math.ceil(max(self.before, self.after)))


@dataclass(frozen=True)
class Walk:
    """What was found.

    Attributes:
        cell: of an output pixel; None where an operation sees the whole picture.
        obstacle: the operation that does.
        period: LR pixels by which a picture can be moved so that the network treats it alike.
        bytes_per_pixel: at the peak, for each LR pixel, in fp32.
    """

    cell: Cell | None
    obstacle: str
    period: int
    bytes_per_pixel: float


def walk(network: nn.Module, side: int = 64) -> Walk:
    """Walk through one forward pass on torch's meta device, where tensors have no content.

    Args:
        network: a generator or discriminator; is left as it is. One that cannot run there gives no cell.
        side: of the input picture.

    Returns:
        Reach, stride and memory; where the network cannot be walked through, a guess of the memory.
    """
    multiple = multiple_of(network)
    try:
        own = copy.deepcopy(network).to("meta").eval()
        side = -(-side // multiple) * multiple
        lr = torch.zeros(1, 3, side, side, device="meta")
        with compiler_left_out(), torch.no_grad(), _Walking(lr) as walking:
            output = own(lr)
    # A network may raise anything on tensors without content; then nothing is known.
    except FAILURES as error:
        return Walk(None, f"it cannot be walked through ({type(error).__name__})", multiple, GUESSED_BYTES)
    sr = output.sr if isinstance(output, GeneratorOutput) else getattr(output, "logits", [output])[0]
    cell = walking.cells.get(sr)
    period = math.lcm(walking.period, multiple)
    return Walk(cell, walking.obstacle if cell is None else "", period, walking.peak / side**2)


GUESSED_BYTES = 64 * 4 * 16.0
"""Of a LR pixel where nothing is known: as much as sixteen layers of 64 channels."""


class _Walking(TorchDispatchMode):
    """Keeps the cell of every tensor that descends from the picture, and counts the bytes alive."""

    def __init__(self, lr: Tensor) -> None:
        super().__init__()
        self.cells: Any = WeakIdKeyDictionary()
        self.cells[lr] = Cell()
        self.obstacle = ""
        self.period = 1
        self.bytes = self.peak = lr.nbytes
        self._storages: Any = WeakIdKeyDictionary()
        self._storages[lr.untyped_storage()] = True

    def __torch_dispatch__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        result = func(*args, **(kwargs or {}))
        inputs = [one for one in _tensors(args) if one in self.cells]
        for output in _tensors([result]):
            self._count(output.untyped_storage())
            if inputs:
                cell = self._cell(func, args, inputs, output)
                # None stays with whatever descends from it: one look at everything is enough
                self.cells[output] = cell
                self.period = math.lcm(self.period, math.ceil(cell.jump) if cell is not None else 1)
        return result

    def _cell(self, func: Any, args: Any, inputs: Sequence[Tensor], output: Tensor) -> Cell | None:
        given = [self.cells[one] for one in inputs]
        if any(one is None for one in given):
            return None
        cell = Cell(max(one.jump for one in given), max(one.before for one in given), max(one.after for one in given))
        moved = _moved(func, args, cell, inputs[0], output)
        if moved is None and not self.obstacle:
            self.obstacle = str(func).removeprefix("aten.").partition(".")[0]
        return moved

    def _count(self, storage: torch.UntypedStorage) -> None:
        if storage in self._storages:
            return
        self._storages[storage] = True
        self.bytes += storage.nbytes()
        self.peak = max(self.peak, self.bytes)
        weakref.finalize(storage, self._forget, storage.nbytes())

    def _forget(self, size: int) -> None:
        self.bytes -= size


def _tensors(values: Any) -> list[Tensor]:
    found = []
    for one in values:
        found += _tensors(one) if isinstance(one, (tuple, list)) else [one] if isinstance(one, Tensor) else []
    return found


def _moved(func: Any, args: Any, cell: Cell, picture: Tensor, output: Tensor) -> Cell | None:
    """The cell after an operation; None where it sees everything or is not known."""
    if func is aten.convolution.default:
        return _convolved(cell, args)
    if func is aten.pixel_shuffle.default:
        return _split(cell, args[1])
    if func is aten.pixel_unshuffle.default:
        return Cell(cell.jump * args[1], cell.before, cell.after)
    if func in _NEAREST:
        return _split(cell, output.shape[-1] // picture.shape[-1])
    if func in _SMOOTH:
        return _split(_wider(cell, _SMOOTH[func]), output.shape[-1] // picture.shape[-1])
    if func in _PADS:
        return _shifted(cell, max(args[1][0], (args[1] + [0, 0])[2]))
    if func in _POOLS:
        return _pooled(cell, *args[1:4])
    if func is aten.slice.Tensor and args[1] in (2, 3, -1, -2):
        return _shifted(cell, -(args[2] or 0) if (args[2] or 0) >= 0 else 0)
    if func in _KEPT or torch.Tag.pointwise in func.tags or _keeps_places(func, picture, output):
        return cell
    return None


def _keeps_places(func: Any, picture: Tensor, output: Tensor) -> bool:
    """Whether an operation looks at the same data otherwise, with height and width as they were."""
    views = torch.Tag.view_copy in func.tags or func in (
        aten.slice.Tensor,
        aten.view.default,
        aten._unsafe_view.default,
        aten.unsqueeze.default,
        aten.expand.default,
        aten.split.Tensor,
        aten.split_with_sizes.default,
    )
    return views and output.dim() >= 2 and output.shape[-2:] == picture.shape[-2:]


def _wider(cell: Cell, pixels: int) -> Cell:
    return Cell(cell.jump, cell.before + pixels * cell.jump, cell.after + pixels * cell.jump)


def _shifted(cell: Cell, pixels: int) -> Cell:
    return Cell(cell.jump, cell.before + pixels * cell.jump, cell.after - pixels * cell.jump)


def _split(cell: Cell, parts: int) -> Cell:
    slack = cell.jump - cell.jump / parts
    return Cell(cell.jump / parts, cell.before + slack, cell.after + slack)


def _convolved(cell: Cell, args: Any) -> Cell:
    kernel = max(args[1].shape[2:])
    stride, padding, dilation = (max(args[at]) for at in (3, 4, 5))
    if args[6]:  # transposed
        extra = (kernel - 1) * dilation * cell.jump / stride
        return _split(Cell(cell.jump, cell.before + extra, cell.after + extra), stride)
    return _windowed(cell, (kernel - 1) * dilation + 1, stride, padding)


def _pooled(cell: Cell, kernel: Sequence[int], stride: Sequence[int] = (), padding: Sequence[int] = (0,)) -> Cell:
    return _windowed(cell, max(kernel), max(stride or kernel), max(padding or (0,)))


def _windowed(cell: Cell, extent: int, stride: int, padding: int) -> Cell:
    before = cell.before + padding * cell.jump
    return Cell(cell.jump * stride, before, cell.after + (extent - padding - stride) * cell.jump)
