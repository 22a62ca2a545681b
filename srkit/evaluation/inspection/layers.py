"""A network's layers with their parameters, multiply-adds and outputs, counted in a pass that computes no numbers."""

from __future__ import annotations

import copy
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, nn
from torch.utils.flop_counter import FlopCounterMode

from srkit.errors import FAILURES

__all__ = ["Layer", "layers_of"]


@dataclass(frozen=True)
class Layer:
    """One layer.

    Attributes:
        name: in the network; a layer that is applied several times is counted together.
        type: its class.
        parameters: its own.
        macs: multiply-adds of convolutions and matrix products.
        output: the shape of its last output, without the batch.
    """

    name: str
    type: str
    parameters: int
    macs: int
    output: tuple[int, ...]


def layers_of(network: nn.Module, size: tuple[int, int]) -> tuple[list[Layer], int]:
    """The layers and all multiply-adds for one picture of (h, w), those outside of layers too.

    Args:
        network: is left as it is. One that does not run on torch's meta device runs on the CPU.
        size: (h, w) of its input.
    """
    try:
        return _counted(network, size, "meta")
    # A network may raise anything on tensors without content; what it raises with content is its own to say.
    except FAILURES:
        return _counted(network, size, "cpu")


def _counted(network: nn.Module, size: tuple[int, int], device: str) -> tuple[list[Layer], int]:
    own = copy.deepcopy(network).to(device).eval()
    shapes: dict[str, tuple[int, ...]] = {}
    leaves = {name: one for name, one in own.named_modules() if not any(True for _ in one.children())}
    for name, module in leaves.items():
        module.register_forward_hook(_noting(shapes, name))
    with torch.no_grad(), FlopCounterMode(display=False) as flops:
        own(torch.zeros(1, 3, *size, device=device))
    prefix = type(own).__name__
    counts = {name: sum(table.values()) for name, table in flops.get_flop_counts().items()}
    layers = [
        Layer(
            name,
            type(module).__name__,
            sum(one.numel() for one in module.parameters()),
            int(counts.get(f"{prefix}.{name}", 0)) // 2,
            shapes[name],
        )
        for name, module in leaves.items()
        if name in shapes
    ]
    return layers, flops.get_total_flops() // 2


def _noting(shapes: dict[str, tuple[int, ...]], name: str) -> Any:
    def note(_: nn.Module, __: Any, output: Any) -> None:
        if isinstance(output, Tensor):
            shapes[name] = tuple(output.shape[1:])

    return note
