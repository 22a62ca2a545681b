"""How much larger than its result a tile has to be, measured with the network's own weights."""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from srkit.inference.forward import evaluating, forward

__all__ = ["LEFT_OUT", "influence", "measured_halo", "probe"]

LEFT_OUT = 0.001
"""The share of what an output pixel depends on that may lie outside of the halo."""

SIDES = (33, 65, 129, 257)
"""Sides of the picture that is tried, one after the other until the halo is well inside."""


def measured_halo(network: nn.Module, scale: int, left_out: float = LEFT_OUT) -> int:
    """The LR pixels to each side that hold all but a share of the gradient of an output pixel.

    A network without gradient (an ONNX file) is compared with itself on a cut picture: the halo then holds everything
    that is seen in 8 bits.

    Args:
        network: in eval mode, on the CPU or a device; its gradients are not touched.
        scale: SR pixels of a LR pixel.
        left_out: the share outside.
    """
    halo = 0
    for side in SIDES:
        shares = influence(network, scale, side)
        if shares is None:
            return _compared(network, scale)
        outside = 1 - shares.cumsum(0) / shares.sum().clamp_min(1e-30)
        halo = int((outside > left_out).sum())
        if halo <= side // 4:
            break
    return halo


def influence(network: nn.Module, scale: int, side: int) -> Tensor | None:
    """How much the central LR pixel's SR pixels depend on LR pixels 0, 1, 2, ... away; None where there is no gradient.

    The distance is the larger one of both axes.
    """
    lr = probe(side, next((one.device for one in network.parameters()), torch.device("cpu"))).requires_grad_()
    with evaluating(network), torch.enable_grad():
        sr = forward(network, lr)
        if not sr.requires_grad:
            return None
        middle = side // 2
        block = sr[..., middle * scale : (middle + 1) * scale, middle * scale : (middle + 1) * scale]
        (gradient,) = torch.autograd.grad(block.sum(), lr)
    strength = gradient.abs().sum((0, 1)).double().cpu()
    away = (torch.arange(side) - middle).abs()
    rings = torch.maximum(away[:, None], away[None, :])
    return torch.zeros(middle + 1, dtype=torch.float64).index_add_(0, rings.flatten(), strength.flatten())


def probe(side: int, device: torch.device) -> Tensor:
    """A picture (1, 3, side, side) with detail of every size, always the same."""
    own = torch.Generator().manual_seed(0)
    picture = torch.zeros(1, 3, side, side)
    sizes = [size for size in (4, 8, 16, 32, 64, 128, 256) if size < side] + [side]
    for size in sizes:
        noise = torch.rand(1, 3, size, size, generator=own)
        picture += F.interpolate(noise, (side, side), mode="bilinear", align_corners=False)
    return (picture / len(sizes)).to(device)


def _compared(network: nn.Module, scale: int) -> int:
    side, cut = SIDES[2], SIDES[2] // 2
    whole = probe(side, next((one.device for one in network.parameters()), torch.device("cpu")))
    with evaluating(network):
        gap = forward(network, whole)[..., : cut * scale] - forward(network, whole[..., :cut])
    worst = gap.abs().amax((0, 1, 2)).view(cut, scale).amax(1)
    seen = (worst > 0.5 / 255).nonzero()
    return cut - int(seen.min()) if len(seen) else 0
