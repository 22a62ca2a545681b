"""The convolutions of VGG16 and VGG19: their names, their places in torchvision's files, their channels."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache
from typing import Literal

__all__ = ["Architecture", "Convolution", "Vgg16Layer", "Vgg19Layer", "convolutions"]

Architecture = Literal["vgg16", "vgg19"]

# fmt: off  (a line for each block)
Vgg16Layer = Literal[
    "conv1_1",
    "conv1_2",
    "conv2_1",
    "conv2_2",
    "conv3_1",
    "conv3_2",
    "conv3_3",
    "conv4_1",
    "conv4_2",
    "conv4_3",
    "conv5_1",
    "conv5_2",
    "conv5_3",
]
Vgg19Layer = Literal[
    "conv1_1",
    "conv1_2",
    "conv2_1",
    "conv2_2",
    "conv3_1",
    "conv3_2",
    "conv3_3",
    "conv3_4",
    "conv4_1",
    "conv4_2",
    "conv4_3",
    "conv4_4",
    "conv5_1",
    "conv5_2",
    "conv5_3",
    "conv5_4",
]
# fmt: on

CHANNELS = (64, 128, 256, 512, 512)
DEPTHS = {"vgg16": (2, 2, 3, 3, 3), "vgg19": (2, 2, 4, 4, 4)}


@dataclass(frozen=True)
class Convolution:
    """One 3x3 convolution.

    Attributes:
        name: such as "conv3_2": the second of the third block.
        index: its number in torchvision's `features`, where ReLU and pooling count too.
        inputs: channels in.
        outputs: channels out.
        level: how often the picture has been halved before it.
    """

    name: str
    index: int
    inputs: int
    outputs: int
    level: int


@cache
def convolutions(architecture: Architecture) -> tuple[Convolution, ...]:
    """All convolutions from the picture on (Simonyan and Zisserman 2014, arXiv 1409.1556, configurations D and E)."""
    found = []
    index, inputs = 0, 3
    for level, (depth, outputs) in enumerate(zip(DEPTHS[architecture], CHANNELS, strict=True)):
        for place in range(depth):
            found.append(Convolution(f"conv{level + 1}_{place + 1}", index, inputs, outputs, level))
            index, inputs = index + 2, outputs
        index += 1
    return tuple(found)
