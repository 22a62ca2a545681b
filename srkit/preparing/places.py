"""Where in a photo patches are cut: a grid from edge to edge, or random places that hardly overlap."""

from __future__ import annotations

import math
import random
from typing import Literal, NamedTuple

import numpy as np

from srkit.seeds import derived_seed

TRIES = 5
"""Random places that are tried for each place that the grid would have: without overlap some two thirds as many are
found, and more tries hardly find more."""


class Place(NamedTuple):
    """A patch's place: how many times smaller the photo was made, and its upper left corner there."""

    shrink: int
    left: int
    top: int


def count_of_grid(width: int, height: int, size: int, overlap: float) -> int:
    """How many places the grid has; the random ones are never more."""
    return len(_along(width, size, overlap)) * len(_along(height, size, overlap))


def places_in(
    width: int,
    height: int,
    size: int,
    *,
    shrink: int,
    overlap: float,
    how: Literal["grid", "random"],
    key: tuple[int | str, ...],
) -> list[Place]:
    """Places of patches in a picture; no two have more than `overlap` of a patch's area in common.

    Args:
        width, height: the picture's, in pixels, after it was shrunk.
        size: the patch's side.
        shrink: what the places will say.
        overlap: 0 allows none, 0.5 half of the area.
        how: "grid" or "random".
        key: what random places are drawn from.

    Returns:
        Row by row for the grid, in the order drawn for random ones; empty where the picture is smaller than a patch.
    """
    columns, rows = _along(width, size, overlap), _along(height, size, overlap)
    if how == "grid":
        return [Place(shrink, left, top) for top in rows for left in columns]
    most = len(columns) * len(rows)
    chance = random.Random(derived_seed(*key))
    corners = np.empty((most, 2), np.int64)
    taken = 0
    for _ in range(TRIES * most):
        corner = (chance.randrange(width - size + 1), chance.randrange(height - size + 1))
        shared = np.maximum(size - np.abs(corners[:taken] - corner), 0).prod(1)
        if not taken or shared.max() <= overlap * size * size:
            corners[taken] = corner
            taken += 1
            if taken == most:
                break
    return [Place(shrink, int(left), int(top)) for left, top in corners[:taken]]


def _along(length: int, size: int, overlap: float) -> list[int]:
    """As many places as fit, from edge to edge, evenly."""
    step = max(1, math.ceil(size * (1 - overlap)))
    last = length - size
    if last < 0:
        return []
    gaps = last // step
    return [last // 2] if gaps == 0 else [place * last // gaps for place in range(gaps + 1)]
