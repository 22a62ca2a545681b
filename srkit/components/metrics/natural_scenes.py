"""The statistics of natural scenes that NIQE looks at: how luma differs from its neighbourhood, block by block."""

from __future__ import annotations

from functools import lru_cache
from math import exp, lgamma
from typing import Literal

import numpy as np

__all__ = ["BLOCK", "block_features", "distance"]

BLOCK = 96
WINDOW, SIGMA = 7, 7 / 6
BELL = [exp(-((tap - WINDOW // 2) ** 2) / (2 * SIGMA**2)) for tap in range(WINDOW)]
WEIGHTS = [value / sum(BELL) for value in BELL]
# MATLAB's imresize by a half: the cubic kernel stretched by 2 at the eight pixels around each new one
HALVING = [-0.01171875, -0.03515625, 0.11328125, 0.43359375, 0.43359375, 0.11328125, -0.03515625, -0.01171875]
SHIFTS = ((0, 1), (1, 0), (1, 1), (1, -1))


def block_features(luma: np.ndarray) -> np.ndarray:
    """Each block's 36 numbers, 18 at full size and 18 at half.

    Args:
        luma: (H, W) float64 in 16..235, whole numbers; sides of at least 96 pixels.

    Returns:
        (blocks, 36); a block without any contrast has NaNs.
    """
    rows, columns = luma.shape[0] // BLOCK, luma.shape[1] // BLOCK
    # In single precision, as BasicSR computes it: the blurred value of a flat area then equals the area's own. In
    # double precision it differs by the last digit, whose sign decides which values count: 0.03 on a photo with black
    # corners.
    luma = luma[: rows * BLOCK, : columns * BLOCK].astype(np.float32)
    scales = []
    for side in (BLOCK, BLOCK // 2):
        if side < BLOCK:
            luma = _halved(_halved(luma, 0), 1).astype(np.float32)
        mean = _blurred(luma)
        deviation = np.sqrt(np.abs(_blurred(luma**2) - mean**2))
        normalized = (luma - mean) / (deviation + 1)
        blocks = normalized.reshape(rows, side, columns, side).swapaxes(1, 2).reshape(-1, side, side)
        scales.append(np.stack([_features(block) for block in blocks]))
    return np.concatenate(scales, 1)


def distance(features: np.ndarray, mean: np.ndarray, covariance: np.ndarray) -> float:
    """How far the blocks' Gaussian lies from that of natural scenes (the paper's equation 10)."""
    whole = features[~np.isnan(features).any(1)]
    spread = np.linalg.pinv((covariance + np.cov(whole, rowvar=False)) / 2)
    apart = mean.ravel() - np.nanmean(features, axis=0)
    return float(np.sqrt(apart @ spread @ apart))


def _blurred(plane: np.ndarray) -> np.ndarray:
    """A 7 x 7 Gaussian window's mean at each place, the border repeated; float32 out of sums in double precision."""
    total = plane.astype(np.float64)
    for axis in (0, 1):
        total = _filtered(total, WEIGHTS, axis, "edge", step=1)
    return total.astype(np.float32)


def _halved(plane: np.ndarray, axis: int) -> np.ndarray:
    """Half as long, the border mirrored."""
    return _filtered(plane.astype(np.float64), HALVING, axis, "symmetric", step=2)


def _filtered(
    plane: np.ndarray, weights: list[float], axis: int, border: Literal["edge", "symmetric"], step: int
) -> np.ndarray:
    """Sums of shifted slices along one axis."""
    reach = [(0, 0), (0, 0)]
    reach[axis] = (3, 3)
    padded, length = np.pad(plane, reach, mode=border), plane.shape[axis]
    return np.sum([weight * padded.take(range(tap, tap + length, step), axis) for tap, weight in enumerate(weights)], 0)


def _features(block: np.ndarray) -> list[float]:
    """18 numbers: the shape of the values, and of the products with their neighbours in four directions."""
    alpha, left, right = _asymmetric_gaussian(block)
    found = [alpha, (left + right) / 2]
    for shift in SHIFTS:
        alpha, left, right = _asymmetric_gaussian(block * np.roll(block, shift, (0, 1)))
        found += [alpha, (right - left) * exp(lgamma(2 / alpha) - lgamma(1 / alpha)), left, right]
    return found


def _asymmetric_gaussian(values: np.ndarray) -> tuple[float, float, float]:
    """Shape and the two widths of an asymmetric generalized Gaussian, by its moments (the paper's equation 7)."""
    with np.errstate(invalid="ignore", divide="ignore"):
        left = np.sqrt((values[values < 0] ** 2).mean()) if (values < 0).any() else np.nan
        right = np.sqrt((values[values > 0] ** 2).mean()) if (values > 0).any() else np.nan
        ratio = left / right
        spread = np.abs(values).mean() ** 2 / (values**2).mean()
        wanted = spread * (ratio**3 + 1) * (ratio + 1) / (ratio**2 + 1) ** 2
    shapes, moments = _shapes()
    alpha = float(shapes[np.argmin((moments - wanted) ** 2)])
    width = exp((lgamma(1 / alpha) - lgamma(3 / alpha)) / 2)
    return alpha, float(left) * width, float(right) * width


@lru_cache(maxsize=1)
def _shapes() -> tuple[np.ndarray, np.ndarray]:
    """Shapes from 0.2 to 10 and the moments' ratio of each."""
    shapes = np.arange(0.2, 10.001, 0.001)
    moments = [exp(2 * lgamma(2 / shape) - lgamma(1 / shape) - lgamma(3 / shape)) for shape in shapes]
    return shapes, np.array(moments)
