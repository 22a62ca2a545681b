"""VGG weights out of files: torchvision's own, our small copy of the convolutions, the user's."""

from __future__ import annotations

from functools import partial
from pathlib import Path

from torch import Tensor

from srkit.components import pretrained
from srkit.components.feature_losses.architectures import Architecture, Convolution, convolutions
from srkit.components.feature_losses.trunk import Source
from srkit.components.pretrained import CHECKPOINTS, Reader, cached_file, hub_folder, reader
from srkit.errors import OptionError

__all__ = ["CHECKPOINTS", "cached_file", "downloaded_file", "file_source", "hub_folder", "slimmed"]

WAY_OUT = (
    ", or name a file with weights = PATH, or take what this machine has, at worst random features, with "
    'weights = "auto"'
)


def slimmed(architecture: Architecture, file: Path) -> Path:
    """Our small copy, made out of torchvision's file unless it is there; the file itself where none can be written."""
    return pretrained.slimmed(architecture, file, partial(kept, architecture))


def downloaded_file(architecture: Architecture) -> Path:
    """Fetch ImageNet's weights as torchvision names them and keep the convolutions.

    Raises:
        OptionError: they cannot be had or kept; says how to bring the file.
    """
    return pretrained.downloaded_file(architecture, partial(kept, architecture), WAY_OUT)


def kept(architecture: Architecture, file: Path) -> dict[str, Tensor]:
    """The convolutions of torchvision's file, by its names."""
    read = reader(file)
    found = {}
    for convolution in convolutions(architecture):
        weight, bias = taken(read, convolution, file)
        found[key(convolution, "weight")], found[key(convolution, "bias")] = weight, bias
    return found


def file_source(architecture: Architecture, file: Path) -> Source:
    """Weights of a `.safetensors` file, or of a `.pth` file read with `weights_only`; torchvision's key names.

    Raises:
        OptionError: the file is missing, unreadable or holds something else; at once for the first convolution, for
            each further one when it is asked for.
    """
    read = reader(file)
    taken(read, convolutions(architecture)[0], file)
    return lambda convolution: taken(read, convolution, file)


def key(convolution: Convolution, part: str) -> str:
    """torchvision's name of a tensor."""
    return f"features.{convolution.index}.{part}"


def taken(read: Reader, convolution: Convolution, file: Path) -> tuple[Tensor, Tensor]:
    """A convolution's weight and bias, looked at for their shapes."""
    shapes = {"weight": (convolution.outputs, convolution.inputs, 3, 3), "bias": (convolution.outputs,)}
    found = []
    for part, shape in shapes.items():
        tensor = read(key(convolution, part))
        if not isinstance(tensor, Tensor) or tuple(tensor.shape) != shape:
            what = f"has the shape {tuple(tensor.shape)}" if isinstance(tensor, Tensor) else "is missing"
            raise OptionError(
                "weights",
                f"{file} is not a VGG in torchvision's layout without batch norm: {key(convolution, part)} "
                f"({convolution.name}) {what}, expected {shape}.",
            )
        found.append(tensor)
    return found[0], found[1]
