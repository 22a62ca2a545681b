"""What a model takes: parameters, multiply-adds and memory, counted in one pass that computes no numbers."""

from __future__ import annotations

import copy
import weakref
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, nn
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils.flop_counter import FlopCounterMode
from torch.utils.weak import WeakIdKeyDictionary

from srkit.assembly.multiples import generated
from srkit.errors import FAILURES
from srkit.evaluation.judging import count_parameters

__all__ = ["Cost", "cost_of"]


@dataclass(frozen=True)
class Cost:
    """What one LR picture takes.

    Attributes:
        parameters: numbers that were learned.
        macs_per_megapixel: multiply-adds for a megapixel of SR, of convolutions and matrix products; None where they
            cannot be counted, as in an ONNX file.
        peak_memory: bytes of weights and of the tensors alive at once, in fp32, without what a single operation needs
            while it runs; None where it cannot be told.
    """

    parameters: int
    macs_per_megapixel: float | None
    peak_memory: int | None


def cost_of(network: nn.Module, size: tuple[int, int], *, counted: bool = True) -> Cost:
    """What a network takes for a LR picture.

    The pass runs on torch's meta device, where tensors have sizes and no content; a network that cannot run there does
    so on the CPU.

    Args:
        network: on the CPU, in eval mode; is left as it is.
        size: (h, w) of the picture.
        counted: False where its computing happens outside of torch and cannot be seen.
    """
    parameters = count_parameters(network)
    if not counted:
        return Cost(parameters, None, None)
    for device in ("meta", "cpu"):
        try:
            macs, peak, pixels = _counted(network, size, device)
        # A network may raise anything on tensors without content; that it works with content is known from its scores.
        except FAILURES:
            continue
        return Cost(parameters, macs / (pixels / 1e6), peak)
    return Cost(parameters, None, None)


def _counted(network: nn.Module, size: tuple[int, int], device: str) -> tuple[float, int, int]:
    """Multiply-adds, bytes at the peak, SR pixels."""
    own = copy.deepcopy(network).to(device)
    lr = torch.zeros(1, 3, *size, device=device)
    weights = sum(one.numel() * one.element_size() for one in (*own.parameters(), *own.buffers()))
    with torch.no_grad(), FlopCounterMode(display=False) as flops, AliveTensors() as alive:
        sr = generated(own, lr)
    return flops.get_total_flops() / 2, weights + lr.numel() * lr.element_size() + alive.peak, sr[0, 0].numel()


class AliveTensors(TorchDispatchMode):
    """Counts the bytes of all tensors that operations make, from each one's making to its end.

    Attributes:
        bytes: alive now.
        peak: the most there were at once.
    """

    def __init__(self) -> None:
        super().__init__()
        self.bytes = self.peak = 0
        self._storages: Any = WeakIdKeyDictionary()

    def __torch_dispatch__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        result = func(*args, **(kwargs or {}))
        given = {id(one.untyped_storage()) for one in args if isinstance(one, Tensor)}
        for one in result if isinstance(result, (tuple, list)) else [result]:
            if isinstance(one, Tensor) and id(one.untyped_storage()) not in given:
                self._count(one.untyped_storage())
        self.peak = max(self.peak, self.bytes)
        return result

    def _count(self, storage: torch.UntypedStorage) -> None:
        if storage in self._storages:
            return
        size = storage.nbytes()
        self._storages[storage] = size
        self.bytes += size
        weakref.finalize(storage, self._forget, size)

    def _forget(self, size: int) -> None:
        self.bytes -= size
