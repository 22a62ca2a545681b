"""VGG weights out of a seed, where ImageNet's are not to be had."""

from __future__ import annotations

from hashlib import blake2b
from math import sqrt

import torch
from torch import Tensor

from srkit.components.feature_losses.architectures import Architecture, Convolution
from srkit.components.feature_losses.trunk import Source

__all__ = ["SEED", "random_source"]

SEED = 12

# What He's initialization is multiplied with, so that each convolution's output has variance 1 on photos. Measured on
# the colour photos in scikit-image's wheel, deeper ones with those before already scaled; a test measures them again.
# fmt: off  (a line for each block)
GAINS: dict[Architecture, dict[str, float]] = {
    "vgg16": {
        "conv1_1": 0.7293,
        "conv1_2": 1.1019,
        "conv2_1": 0.8571,
        "conv2_2": 1.1037,
        "conv3_1": 0.8461,
        "conv3_2": 1.0795,
        "conv3_3": 0.9865,
        "conv4_1": 0.9183,
        "conv4_2": 0.9779,
        "conv4_3": 0.9494,
        "conv5_1": 0.8389,
        "conv5_2": 0.9682,
        "conv5_3": 0.9907,
    },
    "vgg19": {
        "conv1_1": 0.7293,
        "conv1_2": 1.1019,
        "conv2_1": 0.8571,
        "conv2_2": 1.1037,
        "conv3_1": 0.8461,
        "conv3_2": 1.0795,
        "conv3_3": 0.9865,
        "conv3_4": 1.0223,
        "conv4_1": 0.8968,
        "conv4_2": 1.0139,
        "conv4_3": 0.9517,
        "conv4_4": 1.0532,
        "conv5_1": 0.8983,
        "conv5_2": 0.991,
        "conv5_3": 0.9755,
        "conv5_4": 1.0184,
    },
}
# fmt: on


def drawn(convolution: Convolution, gain: float) -> tuple[Tensor, Tensor]:
    """He-initialised weight times the gain, and a bias of zeros; a function of the layer's name alone."""
    digest = blake2b(f"srkit random features {SEED} {convolution.name}".encode(), digest_size=8).digest()
    stream = torch.Generator(device="cpu").manual_seed(int.from_bytes(digest, "little") >> 1)
    shape = (convolution.outputs, convolution.inputs, 3, 3)
    weight = torch.randn(shape, generator=stream, dtype=torch.float32, device="cpu")
    deviation = gain * sqrt(2 / (9 * convolution.inputs))
    return weight * deviation, torch.zeros(convolution.outputs, device="cpu")


def random_source(architecture: Architecture) -> Source:
    """The same weights for everyone, whatever torch's global stream or the depth asked for.

    He et al. 2015, arXiv 1502.01852, normal with variance 2 / inputs, then a gain for each layer: unit variance.
    """
    return lambda convolution: drawn(convolution, GAINS[architecture][convolution.name])
