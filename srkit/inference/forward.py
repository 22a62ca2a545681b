"""A generator's forward pass as evaluation and upscaling need it: eval mode, no graph, chosen precision, 8 bit."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import torch
from torch import Tensor, nn

from srkit.assembly.multiples import generated
from srkit.contracts import GeneratorOutput
from srkit.exactness import all_bits


@contextmanager
def evaluating(*modules: Any) -> Iterator[None]:
    """Put modules into eval mode without graph, and afterwards every submodule back into the mode it was in.

    Args:
        modules: `nn.Module`s; any other callable is left alone.
    """
    networks = [module for module in modules if isinstance(module, nn.Module)]
    modes = [(part, part.training) for network in networks for part in network.modules()]
    try:
        for network in networks:
            network.eval()
        # no_grad and not inference_mode: what a module caches in its forward (a resize matrix, say) would be an
        # inference tensor, and the next training step could not save it for backward.
        with torch.no_grad():
            yield
    finally:
        # By attribute, because `train(mode)` would also set the children.
        for part, training in modes:
            part.training = training


def forward(
    module: Callable[[Tensor], Tensor | GeneratorOutput],
    lr: Tensor,
    *,
    autocast: torch.dtype | None = None,
    channels_last: bool = False,
) -> Tensor:
    """One forward pass.

    Args:
        module: a generator on the device of `lr`.
        lr: (B, 3, h, w) float in [0, 1].
        autocast: the dtype to compute in; None for fp32, all bits of it.
        channels_last: hand the input over in that memory layout.

    Returns:
        SR (B, 3, h * scale, w * scale), float32, unclamped; for a generator that takes multiples alone (`multiple_of`)
        LR is padded by reflection, and SR is cut.
    """
    if channels_last:
        lr = lr.contiguous(memory_format=torch.channels_last)
    with all_bits(lr.device) if autocast is None else torch.autocast(lr.device.type, dtype=autocast):
        return generated(module, lr).float()


def to_eight_bit(image: Tensor) -> Tensor:
    """Float, nominally in [0, 1], any shape -> uint8, clamped and rounded as a file would hold it."""
    return image.clamp(0, 1).mul(255).round().to(torch.uint8)


def from_eight_bit(image: Tensor) -> Tensor:
    """uint8, any shape -> float32 on the 8-bit grid in [0, 1]."""
    return image.float().div(255)


def is_finite(image: Tensor) -> bool:
    """Whether no value is NaN or infinite."""
    return bool(torch.isfinite(image).all())
