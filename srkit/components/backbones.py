"""The frozen convolutions of AlexNet and VGG16 as perceptual distances look at them: features after certain ReLUs."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from hashlib import file_digest
from pathlib import Path
from typing import Literal

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from srkit.components.pretrained import cached_file, downloaded_file, reader, slimmed
from srkit.errors import OptionError

__all__ = ["Backbone", "Network", "on_meta"]

Network = Literal["alexnet", "vgg16"]
Pool = Callable[[Tensor], Tensor]


@dataclass(frozen=True)
class Layer:
    """One convolution, followed by ReLU.

    Attributes:
        index: its number in torchvision's `features`.
        inputs, outputs, kernel, stride, padding: as torch has them.
        pooled: whether the picture is pooled before it.
        seen: whether its ReLU's output is one of the features.
    """

    index: int
    inputs: int
    outputs: int
    kernel: int = 3
    stride: int = 1
    padding: int = 1
    pooled: bool = False
    seen: bool = False


ALEXNET = (
    Layer(0, 3, 64, kernel=11, stride=4, padding=2, seen=True),
    Layer(3, 64, 192, kernel=5, padding=2, pooled=True, seen=True),
    Layer(6, 192, 384, pooled=True, seen=True),
    Layer(8, 384, 256, seen=True),
    Layer(10, 256, 256, seen=True),
)
VGG16 = (
    Layer(0, 3, 64),
    Layer(2, 64, 64, seen=True),
    Layer(5, 64, 128, pooled=True),
    Layer(7, 128, 128, seen=True),
    Layer(10, 128, 256, pooled=True),
    Layer(12, 256, 256),
    Layer(14, 256, 256, seen=True),
    Layer(17, 256, 512, pooled=True),
    Layer(19, 512, 512),
    Layer(21, 512, 512, seen=True),
    Layer(24, 512, 512, pooled=True),
    Layer(26, 512, 512),
    Layer(28, 512, 512, seen=True),
)
PLANS: dict[str, tuple[Layer, ...]] = {"alexnet": ALEXNET, "vgg16": VGG16}
LEAST = {"alexnet": 31, "vgg16": 16}
"""The shortest side of which something is left at the last features."""


def on_meta() -> bool:
    """Whether tensors are being made without values, as `srkit check` does."""
    return torch.get_default_device().type == "meta"


class Backbone(nn.Module):
    """Frozen convolutions with ImageNet's weights; buffers that are not saved, since they come from a file again.

    Args:
        network: which.
        weights: a file in torchvision's layout; None for ImageNet's, fetched where they are not on this machine.
        pool: what stands in the place of max-pooling.

    Attributes:
        channels: of each of the features, in order.
        facts: the weights' file and its hash, for the manifest.

    Raises:
        OptionError: the weights cannot be had; says how to bring them.
    """

    def __init__(self, network: Network, weights: Path | None = None, pool: Pool | None = None) -> None:
        super().__init__()
        self.network = network
        self.plan = PLANS[network]
        self.pool: Pool = pool if pool is not None else _pool_of(network)
        self.channels = [layer.outputs for layer in self.plan if layer.seen]
        self.facts: dict[str, str] = {}
        if on_meta():
            tensors = {name: torch.empty(shape) for name, shape in _shapes(network).items()}
        else:
            file = weights if weights is not None else _imagenet(network)
            tensors = _taken(network, file)
            with file.open("rb") as stream:
                self.facts = {"file": str(file), "sha256": file_digest(stream, "sha256").hexdigest()}
        for name, tensor in tensors.items():
            self.register_buffer(name.replace(".", "_"), tensor.float(), persistent=False)

    def forward(self, image: Tensor) -> list[Tensor]:
        """A normalized picture (B, 3, H, W) -> the features, each (B, C, H', W')."""
        found = []
        x = image
        for layer in self.plan:
            if layer.pooled:
                x = self.pool(x)
            weight, bias = (self.get_buffer(f"features_{layer.index}_{part}") for part in ("weight", "bias"))
            x = F.relu(F.conv2d(x, weight, bias, layer.stride, layer.padding))
            if layer.seen:
                found.append(x)
        return found


def _pool_of(network: Network) -> Pool:
    return (lambda x: F.max_pool2d(x, 3, 2)) if network == "alexnet" else (lambda x: F.max_pool2d(x, 2))


def _shapes(network: Network) -> dict[str, tuple[int, ...]]:
    shapes: dict[str, tuple[int, ...]] = {}
    for layer in PLANS[network]:
        shapes[f"features.{layer.index}.weight"] = (layer.outputs, layer.inputs, layer.kernel, layer.kernel)
        shapes[f"features.{layer.index}.bias"] = (layer.outputs,)
    return shapes


def _imagenet(network: Network) -> Path:
    cached = cached_file(network)
    if cached is None:
        return downloaded_file(network, lambda file: _taken(network, file))
    return slimmed(network, cached, lambda file: _taken(network, file))


def _taken(network: Network, file: Path) -> dict[str, Tensor]:
    """The convolutions of a file in torchvision's layout, looked at for their shapes."""
    read, found = reader(file), {}
    for name, shape in _shapes(network).items():
        tensor = read(name)
        if tensor is None or tuple(tensor.shape) != shape:
            what = "is missing" if tensor is None else f"has the shape {tuple(tensor.shape)}"
            raise OptionError("weights", f"{file} is not torchvision's {network}: {name} {what}, expected {shape}.")
        found[name] = tensor
    return found
