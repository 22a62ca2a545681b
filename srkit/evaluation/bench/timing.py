"""How long models take: all of a table in turn, several rounds, so that a machine that slows down does so for all."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from time import perf_counter

import numpy as np
import torch
from torch import nn

from srkit.evaluation.bench.gallery import Progress
from srkit.evaluation.rows import Photo
from srkit.evaluation.scoring import wait_for
from srkit.inference.forward import evaluating, forward, from_eight_bit

__all__ = ["Timing", "interleaved"]

ROUNDS = 7
FEWEST_ROUNDS = 3
ENOUGH_SECONDS = 60.0
"""Once a table has taken so long, `FEWEST_ROUNDS` are enough."""


@dataclass(frozen=True)
class Timing:
    """The forward pass alone.

    Attributes:
        seconds_per_megapixel: of SR; the median over the rounds.
        spread: half the distance between the quartiles, as a share of it.
    """

    seconds_per_megapixel: float
    spread: float


def interleaved(
    networks: Sequence[nn.Module],
    photo: Photo,
    device: torch.device,
    progress: Progress,
    clock: Callable[[], float] = perf_counter,
) -> list[Timing]:
    """Time networks on one photo, one after the other in each round.

    Before the rounds each is run once, which pays for threads, memory and the choice of kernels.

    Args:
        networks: on the device.
        photo: whose LR picture they get.
        device: where they compute.
        progress: told the rounds.
        clock: seconds.
    """
    lr = from_eight_bit(photo.lr.to(device)).unsqueeze(0)
    seconds: list[list[float]] = [[] for _ in networks]
    pixels = 1
    begun = clock()
    with evaluating(*networks):
        for done in range(ROUNDS + 1):
            for network, taken in zip(networks, seconds, strict=True):
                wait_for(device)
                start = clock()
                sr = forward(network, lr, channels_last=True)
                wait_for(device)
                taken.append(clock() - start)
                pixels = sr.shape[-1] * sr.shape[-2]
            progress("taking times", done + 1, ROUNDS + 1)
            if done >= FEWEST_ROUNDS and clock() - begun > ENOUGH_SECONDS:
                break
    return [_timing(taken[1:], pixels) for taken in seconds]


def _timing(seconds: Sequence[float], pixels: int) -> Timing:
    low, middle, high = np.quantile(seconds, [0.25, 0.5, 0.75])
    return Timing(float(middle) / (pixels / 1e6), float((high - low) / 2 / middle) if middle > 0 else 0.0)
