"""Finds the part of a photo in which super-resolution shows: the window with the most texture, or the one in which
models differ most."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

__all__ = ["most_detailed", "most_different"]

_LUMA = np.array([0.299, 0.587, 0.114], dtype=np.float32)
# A step of so many grey levels counts in full and a larger one no more: otherwise one black roof against a white sky
# would outdo any amount of hair, grass or print.
_ENOUGH = 40.0
_STEPS = 64


def most_detailed(image: np.ndarray, width: int, height: int) -> tuple[int, int]:
    """The left and top of the window of that size with the most detail; the first one where several are equal.

    Args:
        image: uint8 (H, W, 3).
        width, height: of the window, at most the image's.

    Returns:
        (left, top), with the window inside the image. The same image gives the same window.
    """
    luma = image.astype(np.float32) @ _LUMA
    detail = np.zeros(luma.shape, dtype=np.float64)
    detail[:, :-1] += np.minimum(np.abs(np.diff(luma, axis=1)), _ENOUGH)
    detail[:-1, :] += np.minimum(np.abs(np.diff(luma, axis=0)), _ENOUGH)
    return _heaviest(detail, width, height)


def most_different(images: Sequence[np.ndarray], width: int, height: int) -> tuple[int, int]:
    """The left and top of the window of that size in which versions of one photo differ most, as `most_detailed`.

    Difference is the deviation of luma among the versions. Where all are equal, the most detailed window.

    Args:
        images: uint8 (H, W, 3) each, one or more.
        width, height: of the window, at most the images'.
    """
    total, squares = np.zeros(images[0].shape[:2]), np.zeros(images[0].shape[:2])
    for image in images:
        luma = (image.astype(np.float32) @ _LUMA).astype(np.float64)
        total += luma
        squares += luma * luma
    # rounded, because where all versions are equal the two terms may differ by an ulp
    variance = np.maximum(0.0, (squares / len(images) - (total / len(images)) ** 2).round(6))
    return _heaviest(np.sqrt(variance), width, height) if variance.any() else most_detailed(images[0], width, height)


def _heaviest(weights: np.ndarray, width: int, height: int) -> tuple[int, int]:
    """The left and top of the window with the largest sum; the first one where several are equal."""
    sums = np.pad(weights.cumsum(axis=0).cumsum(axis=1), ((1, 0), (1, 0)))
    lefts, tops = _positions(weights.shape[1] - width), _positions(weights.shape[0] - height)
    windows = (
        sums[np.ix_(tops + height, lefts + width)]
        - sums[np.ix_(tops, lefts + width)]
        - sums[np.ix_(tops + height, lefts)]
        + sums[np.ix_(tops, lefts)]
    )
    top, left = np.unravel_index(int(windows.argmax()), windows.shape)
    return int(lefts[left]), int(tops[top])


def _positions(last: int) -> np.ndarray:
    """Up to `_STEPS` places from 0 to last, both included."""
    return np.unique(np.linspace(0, last, min(last + 1, _STEPS)).round().astype(np.int64))
