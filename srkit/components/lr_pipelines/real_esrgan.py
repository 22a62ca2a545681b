"""Real-ESRGAN's second-order degradation."""

from __future__ import annotations

import math
from typing import Literal

import torch
from torch import Tensor

from srkit.components.kernels import FIRST_SHAPES, Blurring, KernelShape
from srkit.components.noises import Noising
from srkit.components.ranges import check_probability, check_shares, span
from srkit.components.resizing import ResizeMode, Resizing, resized
from srkit.components.single_draws import DrawsOfOne, one_by_one
from srkit.components.tensor_jpeg import QUALITY_RANGE, jpeg
from srkit.components.unsharp import sharpened
from srkit.contracts import Draws
from srkit.errors import OptionError, UserError

__all__ = ["RealEsrgan"]

MODES: tuple[ResizeMode, ...] = ("area", "bilinear", "bicubic")


class RealEsrgan:
    """Real-ESRGAN's second-order degradation: blur, resize, noise, JPEG twice, then a sinc.

    Wang et al. 2021, arXiv 2107.10833, with the ranges of its released configuration. The last resize with its sinc
    and the last JPEG change places at random. Each picture goes its own way at its own sizes, whatever its batch, which
    does what the paper's queue of degraded pairs is for. Float (B, 3, H, W) in [0, 1] -> (B, 3, H // scale,
    W // scale) in [0, 1]; sizes the scale does not divide are cropped at right and bottom.

    Args:
        scale: how many times smaller the picture becomes.
        sharpen: make the LR picture from the sharpened original, as the paper does.
        shapes: how often each kernel shape is drawn in the first blur, in any unit.
        blur_probability: that the first blur takes place.
        sigma: range of the first blur's standard deviations in pixels.
        resize: how often the first resize goes up, down or keeps the size, in any unit.
        resize_factors: smallest and largest factor of the first resize.
        noise_probability: that the first noise takes place.
        gaussian: the probability that the first noise is Gaussian; else it is Poisson.
        noise_sigma: range of the first Gaussian noise's deviation, in levels of 255.
        poisson_scale: range of the first Poisson noise's factor.
        grey: the probability that the first noise is alike in all channels.
        jpeg_probability: that the first JPEG takes place.
        jpeg_quality: range of the first JPEG's quality.
        blur_probability_2: that the second blur takes place.
        shapes_2: how often each kernel shape is drawn in the second blur; by default as in the first.
        sigma_2: range of the second blur's standard deviations in pixels.
        resize_2: how often the second resize goes up, down or keeps the size, in any unit.
        resize_factors_2: smallest and largest factor of the second resize, of the LR size.
        noise_probability_2: that the second noise takes place.
        gaussian_2: the probability that the second noise is Gaussian; else it is Poisson.
        noise_sigma_2: range of the second Gaussian noise's deviation, in levels of 255.
        poisson_scale_2: range of the second Poisson noise's factor.
        grey_2: the probability that the second noise is alike in all channels.
        jpeg_probability_2: that the last JPEG takes place.
        jpeg_quality_2: range of the last JPEG's quality.
        last_sinc_probability: that a sinc filter comes with the last resize.
        jpeg_last_probability: that the last JPEG comes after the last resize and its sinc, not before.
        kernel_sizes: smallest and largest side of all kernels in pixels, odd both.
        subsampling: the resolution of colour in both JPEGs, "4:2:0" halves it.
    """

    def __init__(
        self,
        scale: int,
        sharpen: bool = True,
        shapes: dict[KernelShape, float] = FIRST_SHAPES,
        blur_probability: float = 1.0,
        sigma: tuple[float, float] = (0.2, 3.0),
        resize: tuple[float, float, float] = (0.2, 0.7, 0.1),
        resize_factors: tuple[float, float] = (0.15, 1.5),
        noise_probability: float = 1.0,
        gaussian: float = 0.5,
        noise_sigma: tuple[float, float] = (1.0, 30.0),
        poisson_scale: tuple[float, float] = (0.05, 3.0),
        grey: float = 0.4,
        jpeg_probability: float = 1.0,
        jpeg_quality: tuple[int, int] = (30, 95),
        blur_probability_2: float = 0.8,
        shapes_2: dict[KernelShape, float] | None = None,
        sigma_2: tuple[float, float] = (0.2, 1.5),
        resize_2: tuple[float, float, float] = (0.3, 0.4, 0.3),
        resize_factors_2: tuple[float, float] = (0.3, 1.2),
        noise_probability_2: float = 1.0,
        gaussian_2: float = 0.5,
        noise_sigma_2: tuple[float, float] = (1.0, 25.0),
        poisson_scale_2: tuple[float, float] = (0.05, 2.5),
        grey_2: float = 0.4,
        jpeg_probability_2: float = 1.0,
        jpeg_quality_2: tuple[int, int] = (30, 95),
        last_sinc_probability: float = 0.8,
        jpeg_last_probability: float = 0.5,
        kernel_sizes: tuple[int, int] = (7, 21),
        subsampling: Literal["4:2:0", "4:4:4"] = "4:2:0",
    ) -> None:
        if scale < 1:
            raise OptionError("scale", f"an LR picture is smaller by a whole number from 1, got {scale}.")
        low, high = kernel_sizes
        if not 1 <= low <= high or low % 2 == 0 or high % 2 == 0:
            raise OptionError("kernel_sizes", f"two odd numbers from 1, the smaller one first; got {[low, high]}.")
        check_shares("shapes", shapes.values())
        if shapes_2 is not None:
            check_shares("shapes_2", shapes_2.values())
        self.scale = scale
        self.sharpen = sharpen
        self.subsampling: Literal["4:2:0", "4:4:4"] = subsampling
        self.blurs = (
            Blurring(
                dict(shapes),
                check_probability("blur_probability", blur_probability),
                kernel_sizes,
                span("sigma", sigma, 0, above=True),
            ),
            Blurring(
                dict(shapes if shapes_2 is None else shapes_2),
                check_probability("blur_probability_2", blur_probability_2),
                kernel_sizes,
                span("sigma_2", sigma_2, 0, above=True),
            ),
        )
        self.last_sinc = Blurring(
            {"sinc": 1.0},
            check_probability("last_sinc_probability", last_sinc_probability),
            kernel_sizes,
            cutoff=(math.pi / 3, math.pi),
        )
        self.resizes = (
            _resizing("resize", resize, resize_factors),
            _resizing("resize_2", resize_2, resize_factors_2),
        )
        self.noises = (
            Noising(
                check_probability("noise_probability", noise_probability),
                check_probability("gaussian", gaussian),
                check_probability("grey", grey),
                span("noise_sigma", noise_sigma, 0),
                span("poisson_scale", poisson_scale, 0),
            ),
            Noising(
                check_probability("noise_probability_2", noise_probability_2),
                check_probability("gaussian_2", gaussian_2),
                check_probability("grey_2", grey_2),
                span("noise_sigma_2", noise_sigma_2, 0),
                span("poisson_scale_2", poisson_scale_2, 0),
            ),
        )
        self.qualities = (
            span("jpeg_quality", jpeg_quality, *QUALITY_RANGE),
            span("jpeg_quality_2", jpeg_quality_2, *QUALITY_RANGE),
        )
        self.jpeg_probabilities = (
            check_probability("jpeg_probability", jpeg_probability),
            check_probability("jpeg_probability_2", jpeg_probability_2),
        )
        self.jpeg_last_probability = check_probability("jpeg_last_probability", jpeg_last_probability)

    @torch.no_grad()
    def __call__(self, hr: Tensor, draws: Draws) -> Tensor:
        """(B, 3, H, W) -> (B, 3, H // scale, W // scale)."""
        if min(hr.shape[-2:]) < self.scale:
            size = f"{hr.shape[-1]} x {hr.shape[-2]}"
            raise UserError(f"a picture of {size} pixels cannot be made {self.scale} times smaller")
        pictures = [self._one(hr[i : i + 1], own) for i, own in enumerate(one_by_one(draws))]
        return torch.cat(pictures)

    def _one(self, hr: Tensor, draws: DrawsOfOne) -> Tensor:
        small = hr.shape[-2] // self.scale, hr.shape[-1] // self.scale
        picture = hr[..., : small[0] * self.scale, : small[1] * self.scale]
        picture = picture.to(torch.promote_types(hr.dtype, torch.float32))
        if self.sharpen:
            picture = sharpened(picture)
        picture = self._round(picture, 0, (picture.shape[-2], picture.shape[-1]), draws.child("first"))
        picture = self._jpeg(picture, 0, draws.child("first-jpeg"))
        picture = self._round(picture, 1, small, draws.child("second"))

        last = draws.child("last")
        jpeg_comes_last = bool(last.uniform()[0] < self.jpeg_last_probability)
        mode: ResizeMode = last.choice(MODES)[0]
        if not jpeg_comes_last:
            picture = self._jpeg(picture, 1, draws.child("second-jpeg"))
        picture = self.last_sinc(resized(picture, *small, mode), draws.child("sinc"))
        if jpeg_comes_last:
            picture = self._jpeg(picture, 1, draws.child("second-jpeg"))
        return picture.clamp(0, 1).to(hr.dtype)

    def _round(self, picture: Tensor, number: int, size: tuple[int, int], draws: DrawsOfOne) -> Tensor:
        """Blur, resize by a factor of `size`, noise."""
        picture = self.blurs[number](picture, draws.child("blur"))
        resizing = self.resizes[number]
        [(factor, mode)] = resizing.drawn(draws.child("resize"))
        sides = resizing.sides(*size, factor)
        if sides != tuple(picture.shape[-2:]):
            picture = resized(picture, *sides, mode)
        return self.noises[number](picture.clamp(0, 1), draws.child("noise"))

    def _jpeg(self, picture: Tensor, number: int, draws: DrawsOfOne) -> Tensor:
        applied = draws.uniform()[0] < self.jpeg_probabilities[number]
        low, high = self.qualities[number]
        quality = draws.integers(int(low), int(high)).tolist()
        return jpeg(picture, quality, self.subsampling) if applied else picture


def _resizing(key: str, shares: tuple[float, float, float], factors: tuple[float, float]) -> Resizing:
    check_shares(key, shares)
    if not 0 < factors[0] <= 1 <= factors[1] < float("inf"):
        wanted = key.replace("resize", "resize_factors")
        raise OptionError(wanted, f"one above 0 up to 1 and one from 1, got {list(factors)}.")
    return Resizing(*shares, factors, MODES)
