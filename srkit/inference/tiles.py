"""Cutting a picture into tiles that overlap, and how large they can be."""

from __future__ import annotations

import itertools
import math
import os
from collections.abc import Iterator
from dataclasses import dataclass

import torch
from torch import nn

from srkit.errors import UserError
from srkit.inference.halo import measured_halo
from srkit.inference.walk import Walk, walk
from srkit.procfs import of_machine

__all__ = ["Box", "Tiling", "boxes", "grown", "plan_tiles"]

CPU_BUDGET, DEVICE_BUDGET = 300_000_000, 4_000_000_000
"""Bytes that a tile's tensors may take: on the CPU larger tiles are slower, on a card they gain nothing beyond this."""

SHARE_OF_FREE = 0.4
"""Of the memory that is free, so that whatever else allocates still can; fp32 tensors are reckoned with."""

SMALLEST, LARGEST = 32, 4096


@dataclass(frozen=True)
class Box:
    """A part of a picture in LR pixels, `top` and `left` included, `bottom` and `right` not."""

    top: int
    left: int
    bottom: int
    right: int


@dataclass(frozen=True)
class Tiling:
    """How pictures are cut.

    Attributes:
        side: of the square of LR pixels whose result a tile gives; a multiple of `period`.
        halo: LR pixels a tile is larger by on each side; None where tiles are no use and pictures stay whole.
        period: tiles begin at multiples of it, where the network folds pixels into channels.
        measured: whether the halo was measured, and not the whole theoretical one.
    """

    side: int
    halo: int | None
    period: int = 1
    measured: bool = True

    def smaller(self) -> Tiling | None:
        """Half the side; None where that makes no sense any more."""
        side = self.side // 2 // self.period * self.period
        return Tiling(side, self.halo, self.period, self.measured) if side >= max(SMALLEST, self.period) else None


def plan_tiles(network: nn.Module, scale: int, device: torch.device, *, exact: bool = False) -> Tiling:
    """Halo and size of tiles for a network.

    Args:
        network: already on the device.
        scale: SR pixels of a LR pixel.
        device: whose memory the tiles have to fit into.
        exact: take the whole theoretical receptive field, so that tiles give what the whole picture would.

    Raises:
        UserError: `exact`, and the network cannot be walked through by torch.
    """
    found = walk(network)
    theoretical = found.cell.reach if found.cell is not None else None
    if exact and theoretical is None and not any(True for _ in network.parameters()):
        raise UserError(f"--exact: how far this model sees is not known: {found.obstacle}; leave --exact out")
    halo = theoretical
    if not exact:
        # what the walk finds is the most there can be; small ones need no measuring
        halo = theoretical if theoretical is not None and theoretical <= FEW else measured_halo(network, scale)
        halo = min(halo, theoretical) if theoretical is not None else halo
    measured = not exact and halo != theoretical
    return Tiling(_side(found, halo or 0, device), halo, found.period, measured)


FEW = 8


def _side(found: Walk, halo: int, device: torch.device) -> int:
    free, most = _free_memory(device)
    pixels = min(free * SHARE_OF_FREE, most) / max(1.0, found.bytes_per_pixel)
    side = min(LARGEST, max(SMALLEST, math.isqrt(int(pixels)) - 2 * halo))
    return max(found.period, side // found.period * found.period)


def _free_memory(device: torch.device) -> tuple[int, int]:
    """Bytes that are free, and the most to use of them."""
    if device.type == "cuda":
        return torch.cuda.mem_get_info(device)[0], DEVICE_BUDGET
    free = of_machine("MemAvailable")
    if free is None:
        if not hasattr(os, "sysconf"):
            return CPU_BUDGET, CPU_BUDGET
        free = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") // 2
    return free, CPU_BUDGET


def boxes(height: int, width: int, tiling: Tiling) -> Iterator[Box]:
    """The parts whose results together are the picture, row by row, about equally large, none twice."""
    if tiling.halo is None:
        yield Box(0, 0, height, width)
        return
    rows, columns = _cuts(height, tiling), _cuts(width, tiling)
    for top, bottom in itertools.pairwise(rows):
        for left, right in itertools.pairwise(columns):
            yield Box(top, left, bottom, right)


def _cuts(length: int, tiling: Tiling) -> list[int]:
    parts = max(1, -(-length // tiling.side))
    step = -(-length // parts)
    step = -(-step // tiling.period) * tiling.period
    return [*range(0, length, step), length]


def grown(box: Box, height: int, width: int, tiling: Tiling) -> Box:
    """The part that is read for a result: with the halo, at multiples of the period, within the picture."""
    if tiling.halo is None:
        return Box(0, 0, height, width)
    halo, period = tiling.halo, tiling.period

    def ahead(place: int) -> int:
        return max(0, (place - halo) // period * period)

    def behind(place: int, length: int) -> int:
        return min(length, -(-(place + halo) // period) * period)

    return Box(ahead(box.top), ahead(box.left), behind(box.bottom, height), behind(box.right, width))
