"""What a discriminator's logit looks at, measured by its gradient."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from srkit.contracts import DiscriminatorOutput
from srkit.inference.forward import evaluating
from srkit.inference.halo import LEFT_OUT, probe

__all__ = ["measured_field"]


def measured_field(network: nn.Module, side: int) -> int | None:
    """The side of the square of pixels around its centre that holds all but `LEFT_OUT` of the gradient of a logit.

    The logit is the one in the middle of the first scale, of a picture of so many pixels.

    Args:
        network: a discriminator on the CPU that takes a picture alone; another gives None.
        side: of the picture.
    """
    image = probe(side, torch.device("cpu")).requires_grad_()
    with evaluating(network), torch.enable_grad():
        try:
            output = network(image)
        except TypeError:
            return None  # it asks for more than a picture
        logits = output.logits[0] if isinstance(output, DiscriminatorOutput) else output
        if logits.dim() == 4:
            logits = logits[..., logits.shape[-2] // 2, logits.shape[-1] // 2]
        (gradient,) = torch.autograd.grad(logits.sum(), image)
    return _held(gradient.abs().sum((0, 1)).double())


def _held(strength: Tensor) -> int | None:
    """The side of the smallest square of odd side around the centre of mass that holds enough of it."""
    total = float(strength.sum())
    if total <= 0:
        return None
    axes = [torch.arange(size, dtype=torch.float64) for size in strength.shape]
    down = round(float((strength.sum(1) * axes[0]).sum()) / total)
    right = round(float((strength.sum(0) * axes[1]).sum()) / total)
    away = torch.maximum((axes[0] - down).abs()[:, None], (axes[1] - right).abs()[None, :]).long()
    rings = torch.zeros(int(away.max()) + 1, dtype=torch.float64)
    rings.index_add_(0, away.flatten(), strength.flatten())
    outside = 1 - rings.cumsum(0) / total
    reach = int((outside > LEFT_OUT).sum())
    return min(2 * reach + 1, *strength.shape)
