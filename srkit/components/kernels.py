"""Blur kernels as Real-ESRGAN draws them, and filtering a picture with a kernel."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

import torch
import torch.nn.functional as F
from torch import Tensor

from srkit.components.single_draws import say
from srkit.contracts import Draws

__all__ = ["FIRST_SHAPES", "Blurring", "KernelShape", "blurred", "filtered", "gaussian_like", "sinc"]

KernelShape = Literal[
    "isotropic",
    "anisotropic",
    "generalized-isotropic",
    "generalized-anisotropic",
    "plateau-isotropic",
    "plateau-anisotropic",
    "sinc",
]

FIRST_SHAPES: dict[KernelShape, float] = {
    "isotropic": 0.405,
    "anisotropic": 0.225,
    "generalized-isotropic": 0.108,
    "generalized-anisotropic": 0.027,
    "plateau-isotropic": 0.108,
    "plateau-anisotropic": 0.027,
    "sinc": 0.1,
}
"""Real-ESRGAN's shares: sinc in a tenth of all cases, the others 45, 25, 12, 3, 12, 3 % of the rest."""


def gaussian_like(
    size: int,
    sigma: tuple[float, float],
    angle: float = 0.0,
    shape: Literal["gaussian", "plateau"] = "gaussian",
    beta: float = 1.0,
) -> Tensor:
    """A bivariate kernel of Real-ESRGAN (Wang et al. 2021, arXiv 2107.10833, section 3.1).

    With q = x' S^-1 x: "gaussian" is exp(-q^beta / 2), a Gaussian at beta 1; "plateau" is 1 / (1 + q^beta).

    Args:
        size: side of the kernel in pixels, odd.
        sigma: standard deviations along the two axes, in pixels.
        angle: how far the first axis is turned, in radians.
        shape: the falling-off.
        beta: the exponent.

    Returns:
        (size, size) float64 with sum 1.
    """
    place = torch.arange(size, dtype=torch.float64, device="cpu") - size // 2
    y, x = place[:, None], place[None, :]
    along = (math.cos(angle) * x + math.sin(angle) * y) / sigma[0]
    across = (-math.sin(angle) * x + math.cos(angle) * y) / sigma[1]
    power = (along**2 + across**2).pow(beta)
    kernel = (-power / 2).exp() if shape == "gaussian" else 1 / (1 + power)
    return kernel / kernel.sum()


def sinc(size: int, cutoff: float) -> Tensor:
    """A circular low-pass, which rings as oversharpened pictures do (Real-ESRGAN, section 3.3).

    Args:
        size: side of the kernel in pixels, odd.
        cutoff: where it cuts, in radians a pixel, up to pi.

    Returns:
        (size, size) float64 with sum 1.
    """
    place = torch.arange(size, dtype=torch.float64, device="cpu") - size // 2
    radius = (place[:, None] ** 2 + place[None, :] ** 2).sqrt()
    ring = cutoff * torch.special.bessel_j1(cutoff * radius) / (2 * math.pi * radius.clamp(min=1e-9))
    ring[size // 2, size // 2] = cutoff**2 / (4 * math.pi)
    return ring / ring.sum()


def mirrored(length: int, reach: int) -> Tensor:
    """(length + 2 reach,) places 0..length-1, mirrored at both ends without repeating the last; any reach."""
    if length == 1:
        return torch.zeros(1 + 2 * reach, dtype=torch.int64, device="cpu")
    place = torch.arange(-reach, length + reach, device="cpu").remainder(2 * (length - 1))
    return torch.minimum(place, 2 * (length - 1) - place)


def filtered(picture: Tensor, kernel: Tensor) -> Tensor:
    """(C, H, W) float filtered with a kernel (k, l) of odd sides; the border is mirrored. Same shape."""
    rows, columns = (
        mirrored(length, side // 2).to(picture.device)
        for length, side in zip(picture.shape[-2:], kernel.shape, strict=True)
    )
    padded = picture[:, rows][:, :, columns]
    return F.conv2d(padded[:, None], kernel.to(picture.device, picture.dtype)[None, None])[:, 0]


def blurred(batch: Tensor, kernels: Sequence[Tensor | None]) -> Tensor:
    """(B, 3, h, w) each filtered with its own kernel, None leaves a picture as it is. Computed in float32 at least."""
    exact = batch.to(torch.promote_types(batch.dtype, torch.float32))
    pictures = [
        picture if kernel is None else filtered(picture, kernel) for picture, kernel in zip(exact, kernels, strict=True)
    ]
    return torch.stack(pictures).to(batch.dtype)


@dataclass(frozen=True)
class Blurring:
    """Blurs each picture with a kernel of its own: `(batch, draws)` -> batch of the same shape.

    Attributes:
        shapes: how often each shape is drawn, in any unit.
        probability: that a picture is blurred at all.
        sizes: smallest and largest side of the kernel, odd both.
        sigma: range of the standard deviations in pixels.
        generalized_beta: range of the generalized Gaussian's exponent.
        plateau_beta: range of the plateau's exponent.
        cutoff: range of the sinc's cut-off in radians a pixel; None is Real-ESRGAN's: from pi / 3 for kernels under 13
            pixels, from pi / 5 for larger ones, to pi.
    """

    shapes: Mapping[KernelShape, float]
    probability: float = 1.0
    sizes: tuple[int, int] = (7, 21)
    sigma: tuple[float, float] = (0.2, 3.0)
    generalized_beta: tuple[float, float] = (0.5, 4.0)
    plateau_beta: tuple[float, float] = (1.0, 2.0)
    cutoff: tuple[float, float] | None = None

    def __call__(self, batch: Tensor, draws: Draws) -> Tensor:
        """(B, 3, h, w) float -> the same shape, not clamped: a sinc overshoots."""
        return blurred(batch, self.kernels(draws))

    def kernels(self, draws: Draws) -> list[Tensor | None]:
        """A kernel for each sample, None where it is not blurred. Every sample draws the same count of numbers."""
        applied = (draws.uniform() < self.probability).tolist()
        shapes = draws.choice(list(self.shapes), list(self.shapes.values()))
        sizes = (2 * draws.integers(self.sizes[0] // 2, self.sizes[1] // 2) + 1).tolist()
        first, second = draws.uniform(*self.sigma).tolist(), draws.uniform(*self.sigma).tolist()
        angles = draws.uniform(-math.pi, math.pi).tolist()
        sides, spots = draws.uniform().tolist(), draws.uniform().tolist()
        say(draws, [self._in_words(*drawn) for drawn in zip(applied, shapes, sizes, first, second, strict=True)])
        samples = zip(applied, shapes, sizes, first, second, angles, sides, spots, strict=True)
        return [self._kernel(*drawn) if wanted else None for wanted, *drawn in samples]

    def _in_words(self, applied: bool, shape: KernelShape, size: int, first: float, second: float) -> str:
        if not applied:
            return "none"
        spread = "" if shape == "sinc" else f", sigma {first:.2g}"
        across = f" and {second:.2g}" if shape.endswith("anisotropic") else ""
        return f"{shape} {size}x{size}{spread}{across}"

    def _kernel(
        self, shape: KernelShape, size: int, first: float, second: float, angle: float, side: float, spot: float
    ) -> Tensor:
        if shape == "sinc":
            low, high = self.cutoff or (math.pi / (3 if size < 13 else 5), math.pi)
            return sinc(size, low + spot * (high - low))
        family, _, axes = shape.rpartition("-")
        if axes == "isotropic":
            second, angle = first, 0.0
        if family == "generalized":
            return gaussian_like(size, (first, second), angle, "gaussian", _beta(self.generalized_beta, side, spot))
        if family == "plateau":
            return gaussian_like(size, (first, second), angle, "plateau", _beta(self.plateau_beta, side, spot))
        return gaussian_like(size, (first, second), angle)


def _beta(bounds: tuple[float, float], side: float, spot: float) -> float:
    """Half of the time below 1, half of the time above, evenly in each, as far as the range has both."""
    low, high = bounds
    if low < 1 < high:
        low, high = (low, 1.0) if side < 0.5 else (1.0, high)
    return low + spot * (high - low)
