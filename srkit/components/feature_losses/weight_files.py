"""VGG weights out of files: torchvision's own, our small copy of the convolutions, the user's."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from functools import partial
from http.client import HTTPException
from pathlib import Path
from tempfile import TemporaryDirectory

import torch
from safetensors import SafetensorError, safe_open
from safetensors.torch import save_file
from torch import Tensor

from srkit.components.feature_losses.architectures import Architecture, Convolution, convolutions
from srkit.components.feature_losses.trunk import Source
from srkit.errors import OptionError

__all__ = ["CHECKPOINTS", "cached_file", "downloaded_file", "file_source", "hub_folder"]

Reader = Callable[[str], Tensor | None]

# torchvision's files; the part after the dash begins their SHA-256.
CHECKPOINTS: dict[Architecture, str] = {"vgg16": "vgg16-397923af.pth", "vgg19": "vgg19-dcbb9e9d.pth"}


def hub_folder() -> Path:
    """Where torch keeps downloaded weights: `$TORCH_HOME/hub/checkpoints`."""
    return Path(torch.hub.get_dir()) / "checkpoints"


def small_copy(architecture: Architecture) -> Path:
    """Our copy of the convolutions alone: 59 MB for VGG16 instead of 528."""
    return hub_folder() / CHECKPOINTS[architecture].replace(".pth", "-convolutions.safetensors")


def cached_file(architecture: Architecture) -> Path | None:
    """ImageNet's weights on this machine: our small copy, else torchvision's file; None where there is neither."""
    for file in (small_copy(architecture), hub_folder() / CHECKPOINTS[architecture]):
        if file.is_file():
            return file
    return None


def slimmed(architecture: Architecture, file: Path) -> Path:
    """Our small copy, made out of torchvision's file unless it is there; the file itself where none can be written."""
    small = small_copy(architecture)
    if file == small:
        return file
    read = reader(file)
    kept = {}
    for convolution in convolutions(architecture):
        weight, bias = taken(read, convolution, file)
        kept[key(convolution, "weight")], kept[key(convolution, "bias")] = weight.contiguous(), bias.contiguous()
    aside = small.with_name(f"{small.name}.{os.getpid()}")
    try:
        save_file(kept, aside, metadata={"made_from": CHECKPOINTS[architecture]})
        aside.replace(small)
    except (OSError, SafetensorError):
        aside.unlink(missing_ok=True)
        return file
    return small


def downloaded_file(architecture: Architecture) -> Path:
    """Fetch ImageNet's weights as torchvision names them and keep the convolutions.

    Raises:
        OptionError: they cannot be had or kept; says how to bring the file.
    """
    from torchvision.models import get_weight  # takes over a second, so only here

    name = CHECKPOINTS[architecture]
    url = get_weight(f"{architecture.upper()}_Weights.IMAGENET1K_V1").url
    try:
        hub_folder().mkdir(parents=True, exist_ok=True)
        with TemporaryDirectory(prefix=f"{name}-", dir=hub_folder()) as aside:
            file = Path(aside) / name
            prefix = name.partition("-")[2].removesuffix(".pth")
            torch.hub.download_url_to_file(url, str(file), hash_prefix=prefix, progress=sys.stderr.isatty())
            small = slimmed(architecture, file)
            if small == file:
                raise OSError(f"{hub_folder()} takes no file")
            return small
    except (OSError, RuntimeError, HTTPException) as error:
        raise OptionError(
            "weights",
            f"ImageNet's weights for {architecture} are not on this machine and cannot be downloaded ({error}). "
            f"Put {name} from {url} into {hub_folder()}, or name a file with weights = PATH, "
            f'or take what this machine has, at worst random features, with weights = "auto".',
        ) from error


def file_source(architecture: Architecture, file: Path) -> Source:
    """Weights of a `.safetensors` file, or of a `.pth` file read with `weights_only`; torchvision's key names.

    Raises:
        OptionError: the file is missing, unreadable or holds something else; at once for the first convolution, for
            each further one when it is asked for.
    """
    read = reader(file)
    taken(read, convolutions(architecture)[0], file)
    return lambda convolution: taken(read, convolution, file)


def reader(file: Path) -> Reader:
    """Gives the file's tensors by name; out of a `.safetensors` file only those asked for, when they are asked for."""
    with clear_errors(file), torch.device("cpu"):
        if file.suffix == ".safetensors":
            return partial(read_one, file)
        tensors = torch.load(file, map_location="cpu", weights_only=True)
    if not isinstance(tensors, Mapping):
        raise OptionError("weights", f"{file} holds a {type(tensors).__name__}, expected tensors by name.")
    return {name: tensor for name, tensor in tensors.items() if str(name).startswith("features.")}.get


def read_one(file: Path, name: str) -> Tensor | None:
    """One tensor of a `.safetensors` file; None where it has no such name."""
    with clear_errors(file), torch.device("cpu"), safe_open(file, "pt", device="cpu") as tensors:
        return tensors.get_tensor(name) if name in tensors.keys() else None  # noqa: SIM118 (no mapping, keys only)


@contextmanager
def clear_errors(file: Path) -> Iterator[None]:
    """Say which file is missing or broken, whatever the reader raises."""
    try:
        yield
    except FileNotFoundError as error:
        raise OptionError("weights", f"no file {file}.") from error
    except Exception as error:  # a broken pickle raises whatever its bytes happen to say
        reason = str(error).splitlines()[0] if str(error) else type(error).__name__
        raise OptionError("weights", f"{file} is not a whole .safetensors or .pth file ({reason}).") from error


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
