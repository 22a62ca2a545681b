"""How a scale is reached in steps of a pixel shuffle, and how its convolution begins."""

from __future__ import annotations

import torch
from torch import nn

from srkit.errors import OptionError

__all__ = ["begin_alike", "steps_of"]


def steps_of(scale: int, network: str) -> list[int]:
    """The steps that make a scale: [] for 1, twos for a power of two, [3] for 3.

    Raises:
        OptionError: another scale.
    """
    if scale == 3:
        return [3]
    if scale < 1 or scale & (scale - 1):
        raise OptionError("scale", f"{network} enlarges by 3 or a power of two, got {scale}.")
    return [2] * (scale.bit_length() - 1)


@torch.no_grad()
def begin_alike(convolution: nn.Conv2d, step: int) -> None:
    """Give the channels that a pixel shuffle puts side by side equal weights: it begins as nearest enlarging.

    ICNR (Aitken et al. 2017, arXiv 1707.02937): channels with weights of their own each begin as a pattern of the
    step's period, which short trainings do not get rid of.
    """
    for weight in (convolution.weight, convolution.bias):
        if weight is not None:
            weight.copy_(weight[:: step**2].repeat_interleave(step**2, 0))
