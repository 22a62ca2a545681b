"""MATLAB's imresize as two matrix products, a batch at a time on the device."""

from __future__ import annotations

from collections.abc import Callable
from functools import lru_cache
from typing import Literal

import numpy as np
import torch
from torch import Tensor

from srkit.components.downscalers.crop import check_scale, small_size
from srkit.exactness import all_bits, at_least_float32

__all__ = ["Lanczos", "MatlabBicubic", "resampling_matrix"]


def cubic(x: np.ndarray) -> np.ndarray:
    """Keys' cubic convolution kernel with a = -0.5 (IEEE TASSP 29, 1981), 4 wide."""
    x = np.abs(x)
    near, far = 1.5 * x**3 - 2.5 * x**2 + 1, -0.5 * x**3 + 2.5 * x**2 - 4 * x + 2
    return np.where(x <= 1, near, np.where(x <= 2, far, 0.0))


def lanczos2(x: np.ndarray) -> np.ndarray:
    """A sinc under the middle lobe of a sinc twice as wide, 4 wide."""
    return np.where(np.abs(x) < 2, np.sinc(x) * np.sinc(x / 2), 0.0)


def lanczos3(x: np.ndarray) -> np.ndarray:
    """A sinc under the middle lobe of a sinc three times as wide, 6 wide."""
    return np.where(np.abs(x) < 3, np.sinc(x) * np.sinc(x / 3), 0.0)


KERNELS: dict[str, tuple[Callable[[np.ndarray], np.ndarray], int]] = {
    "cubic": (cubic, 4),
    "lanczos2": (lanczos2, 4),
    "lanczos3": (lanczos3, 6),
}


@lru_cache(maxsize=64)
def resampling_matrix(size: int, scale: int, kernel: str) -> np.ndarray:
    """What each of `size // scale` outputs takes of each of `size` inputs, as imresize's `contributions` has it.

    The kernel is stretched by the scale, its weights sum to 1, and beyond the border the picture is mirrored with its
    last pixel repeated.

    Returns:
        float64 (size // scale, size), read-only.
    """
    shape, width = KERNELS[kernel]
    small = size // scale
    reach = width * scale
    centres = (np.arange(small) + 0.5) * scale - 0.5
    places = np.floor(centres - reach / 2).astype(int)[:, None] + np.arange(reach + 2)
    weights = shape((centres[:, None] - places) / scale)
    weights /= weights.sum(1, keepdims=True)
    mirrored = places % (2 * size)
    mirrored = np.where(mirrored < size, mirrored, 2 * size - 1 - mirrored)
    matrix = np.zeros((small, size))
    np.add.at(matrix, (np.arange(small)[:, None], mirrored), weights)
    matrix.flags.writeable = False
    return matrix


def resample(hr: Tensor, scale: int, kernel: str) -> Tensor:
    """(B, 3, H, W) -> (B, 3, H // scale, W // scale) in the same dtype; half precisions are computed in float32."""
    height, width = small_size(hr.shape[-2], hr.shape[-1], scale)
    exact = at_least_float32(hr[..., : height * scale, : width * scale]).contiguous()
    down, across = (
        torch.from_numpy(resampling_matrix(size * scale, scale, kernel).copy()).to(exact.device, exact.dtype)
        for size in (height, width)
    )
    # One picture at a time: the last bits of a product depend on its shape, and no picture may depend on its batch.
    with all_bits(exact.device):
        pictures = [down @ (picture.flatten(0, 1) @ across.T).unflatten(0, picture.shape[:2]) for picture in exact]
    return torch.stack(pictures).to(hr.dtype)


class MatlabBicubic:
    """MATLAB's imresize with its bicubic kernel: the downscaler of most published tables.

    Keys' kernel (a = -0.5) stretched by the scale, the border mirrored; as two matrix products. It overshoots [0, 1]
    at sharp edges. Works on a batch: float (B, 3, H, W) in [0, 1] -> (B, 3, H // scale, W // scale); sizes the scale
    does not divide are cropped at right and bottom first, as the published sets were.

    Args:
        scale: how many times smaller the picture becomes.
    """

    works_on: Literal["batch"] = "batch"

    def __init__(self, scale: int) -> None:
        self.scale = check_scale(scale)

    def __call__(self, hr: Tensor) -> Tensor:
        """(B, 3, H, W) -> (B, 3, H // scale, W // scale)."""
        return resample(hr, self.scale, "cubic")


class Lanczos:
    """A windowed sinc, on the device: the sharpest of the usual kernels, with slight ringing.

    MATLAB's imresize with "lanczos2" or "lanczos3": stretched by the scale, the border mirrored. It overshoots [0, 1]
    at sharp edges. Works on a batch: float (B, 3, H, W) in [0, 1] -> (B, 3, H // scale, W // scale); sizes the scale
    does not divide are cropped at right and bottom.

    Args:
        scale: how many times smaller the picture becomes.
        lobes: how far the kernel reaches to each side, in LR pixels.
    """

    works_on: Literal["batch"] = "batch"

    def __init__(self, scale: int, lobes: Literal[2, 3] = 3) -> None:
        self.scale = check_scale(scale)
        self.lobes = lobes

    def __call__(self, hr: Tensor) -> Tensor:
        """(B, 3, H, W) -> (B, 3, H // scale, W // scale)."""
        return resample(hr, self.scale, f"lanczos{self.lobes}")
