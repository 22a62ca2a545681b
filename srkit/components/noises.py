"""Gaussian and Poisson noise, in colour or grey, as Real-ESRGAN draws it."""

from __future__ import annotations

import math
from dataclasses import dataclass

import torch
from torch import Tensor

from srkit.components.single_draws import say
from srkit.contracts import Draws

__all__ = ["Noising", "gaussian_noise", "poisson_noise"]

LUMA = (0.299, 0.587, 0.114)


def gaussian_noise(shape: torch.Size, sigma: float, grey: bool, stream: torch.Generator) -> Tensor:
    """(3, h, w) of deviation `sigma` in levels of 255; one value for the three channels where `grey`. On the CPU."""
    planes = 1 if grey else shape[0]
    return (torch.randn((planes, *shape[1:]), generator=stream, device="cpu") * (sigma / 255)).expand(shape)


def poisson_noise(picture: Tensor, scale: float, grey: bool, stream: torch.Generator) -> Tensor:
    """What counting photons adds to a picture, times `scale`. On the CPU.

    Bright places get more of it. As in Real-ESRGAN the count of photons at white is the power of two that holds the
    picture's different levels.

    Args:
        picture: (3, h, w) float in [0, 1].
        scale: factor.
        grey: whether the noise is that of the picture's luma, alike in all channels.
        stream: the sample's random stream.
    """
    levels = picture.detach().to("cpu", torch.float32).clamp(0, 1).mul(255).round() / 255
    if grey:
        red, green, blue = levels
        levels = ((LUMA[0] * red + LUMA[1] * green + LUMA[2] * blue)[None] * 255).round() / 255
    photons = 2 ** math.ceil(math.log2(len(levels.unique())))
    counted = torch.poisson(levels * photons, generator=stream) / photons
    return ((counted - levels) * scale).expand(picture.shape)


@dataclass(frozen=True)
class Noising:
    """Adds noise of its own to each picture: `(batch, draws)` -> batch of the same shape.

    Attributes:
        probability: that a picture gets noise at all.
        gaussian: the probability that it is Gaussian; else it is Poisson.
        grey: the probability that it is alike in all channels.
        sigma: range of the Gaussian's deviation in levels of 255.
        poisson_scale: range of the Poisson noise's factor.
    """

    probability: float = 1.0
    gaussian: float = 0.5
    grey: float = 0.4
    sigma: tuple[float, float] = (1.0, 30.0)
    poisson_scale: tuple[float, float] = (0.05, 3.0)

    def __call__(self, batch: Tensor, draws: Draws) -> Tensor:
        """(B, 3, h, w) float in [0, 1] -> the same shape, clamped to [0, 1] where noise was added."""
        applied = (draws.uniform() < self.probability).tolist()
        gaussian = (draws.uniform() < self.gaussian).tolist()
        grey = (draws.uniform() < self.grey).tolist()
        sigmas, scales = draws.uniform(*self.sigma).tolist(), draws.uniform(*self.poisson_scale).tolist()
        say(draws, [_in_words(*one) for one in zip(applied, gaussian, grey, sigmas, scales, strict=True)])
        if batch.device.type == "meta":
            return torch.empty_like(batch)
        pictures = []
        for place, stream in enumerate(draws.generators()):
            picture = batch[place]
            if applied[place]:
                if gaussian[place]:
                    noise = gaussian_noise(picture.shape, sigmas[place], grey[place], stream)
                else:
                    noise = poisson_noise(picture, scales[place], grey[place], stream)
                picture = (picture + noise.to(picture.device, picture.dtype)).clamp(0, 1)
            pictures.append(picture)
        return torch.stack(pictures)


def _in_words(applied: bool, gaussian: bool, grey: bool, sigma: float, scale: float) -> str:
    if not applied:
        return "none"
    kind = f"Gaussian, sigma {sigma:.3g}" if gaussian else f"Poisson, times {scale:.2g}"
    return f"{kind}, grey" if grey else kind
