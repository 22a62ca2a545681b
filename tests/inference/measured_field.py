"""How much of the LR picture an output pixel depends on, measured by gradient: what the walk is held against."""

from __future__ import annotations

import torch
from torch import nn

from srkit.contracts import GeneratorOutput

LARGEST = 257


def receptive_field(network: nn.Module, scale: int) -> int:
    """The side of the square of LR pixels that the central SR pixels depend on; 0 where it is over 257.

    Each weight becomes positive and the gradient of an all-positive input is followed, so that nothing cancels out;
    the network's own weights stay as they are. Built on the meta device it is made real first.
    """
    side, before = 33, 0
    while side <= LARGEST:
        extent = _extent(network, scale, side)
        larger = side * 2 - 1
        # what a dilated layer reaches beyond the border is not seen: a larger picture that gives the same tells
        if extent < side and (extent == before or larger > LARGEST):
            return extent
        side, before = larger, extent
    return 0


def _extent(network: nn.Module, scale: int, side: int) -> int:
    real = _positive_copy(network)
    lr = torch.ones(1, 3, side, side, requires_grad=True)
    output = real(lr)
    sr = output.sr if isinstance(output, GeneratorOutput) else output
    middle = side // 2 * scale
    sr[..., middle : middle + scale, middle : middle + scale].sum().backward()
    assert lr.grad is not None
    touched = lr.grad.abs().sum((0, 1)) > 0
    rows = touched.any(1).nonzero()
    return int(rows.max() - rows.min()) + 1 if len(rows) else 0


def _positive_copy(network: nn.Module) -> nn.Module:
    import copy

    real = copy.deepcopy(network).to_empty(device="cpu").eval()
    with torch.no_grad():
        for parameter in real.parameters():
            parameter.fill_(1.0 / max(1, parameter[0].numel() if parameter.dim() else 1))
        for name, buffer in real.named_buffers():
            buffer.fill_(1.0 if "var" in name else 0.0)
    return real
