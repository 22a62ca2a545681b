"""ImageNet's weights of torchvision's networks: found, fetched, read; of each file the convolutions alone are kept."""

from __future__ import annotations

import errno
import pickle
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

from srkit.data.placing import renamed_into
from srkit.errors import OptionError
from srkit.out_of_memory import is_out_of_memory

__all__ = ["CHECKPOINTS", "Reader", "cached_file", "clear_errors", "downloaded_file", "hub_folder", "reader", "slimmed"]

Reader = Callable[[str], Tensor | None]
"""Gives a file's tensor by name; None where it has no such name."""

Keep = Callable[[Path], Mapping[str, Tensor]]
"""Takes out of a file what is kept of it, by torchvision's names."""

# torchvision's files; the part after the dash begins their SHA-256.
CHECKPOINTS = {
    "vgg16": "vgg16-397923af.pth",
    "vgg19": "vgg19-dcbb9e9d.pth",
    "alexnet": "alexnet-owt-7be5be79.pth",
}
ENUMS = {"vgg16": "VGG16_Weights", "vgg19": "VGG19_Weights", "alexnet": "AlexNet_Weights"}


def hub_folder() -> Path:
    """Where torch keeps downloaded weights: `$TORCH_HOME/hub/checkpoints`."""
    return Path(torch.hub.get_dir()) / "checkpoints"


def small_copy(network: str) -> Path:
    """Our copy of the convolutions alone: 59 MB for VGG16 instead of 528."""
    return hub_folder() / CHECKPOINTS[network].replace(".pth", "-convolutions.safetensors")


def cached_file(network: str) -> Path | None:
    """ImageNet's weights on this machine: our small copy, else torchvision's file; None where there is neither."""
    for file in (small_copy(network), hub_folder() / CHECKPOINTS[network]):
        if file.is_file():
            return file
    return None


def slimmed(network: str, file: Path, keep: Keep) -> Path:
    """Our small copy, made out of torchvision's file unless it is there; the file itself where none can be written."""
    small = small_copy(network)
    if file == small:
        return file
    kept = {name: tensor.contiguous() for name, tensor in keep(file).items()}
    try:
        with renamed_into(small) as aside:
            save_file(kept, aside, metadata={"made_from": CHECKPOINTS[network]})
    except (OSError, SafetensorError):
        return file
    return small


def downloaded_file(network: str, keep: Keep, way_out: str = "") -> Path:
    """Fetch ImageNet's weights as torchvision names them and keep the convolutions.

    Args:
        way_out: what else can be done where they cannot be had, as the end of a sentence.

    Raises:
        OptionError: they cannot be had or kept; says how to bring the file.
    """
    from torchvision.models import get_weight  # takes over a second, so only here

    name = CHECKPOINTS[network]
    url = get_weight(f"{ENUMS[network]}.IMAGENET1K_V1").url
    try:
        hub_folder().mkdir(parents=True, exist_ok=True)
        with TemporaryDirectory(prefix=f"{name}-", dir=hub_folder()) as aside:
            file = Path(aside) / name
            prefix = name.rpartition("-")[2].removesuffix(".pth")
            torch.hub.download_url_to_file(url, str(file), hash_prefix=prefix, progress=sys.stderr.isatty())
            small = slimmed(network, file, keep)
            if small == file:
                raise OSError(f"{hub_folder()} takes no file")
            return small
    except (OSError, RuntimeError, HTTPException) as error:
        raise OptionError(
            "weights",
            f"ImageNet's weights for {network} are not on this machine and cannot be downloaded ({error}). "
            f"Put {name} from {url} into {hub_folder()}{way_out}.",
        ) from error


def reader(file: Path) -> Reader:
    """Gives the file's tensors by name; out of a `.safetensors` file only those asked for, when they are asked for."""
    with clear_errors(file), torch.device("cpu"):
        if file.suffix == ".safetensors":
            return partial(_read_one, file)
        tensors = torch.load(file, map_location="cpu", weights_only=True)
    if not isinstance(tensors, Mapping):
        raise OptionError("weights", f"{file} holds a {type(tensors).__name__}, expected tensors by name.")
    return {name: tensor for name, tensor in tensors.items() if str(name).startswith("features.")}.get


def _read_one(file: Path, name: str) -> Tensor | None:
    """One tensor of a `.safetensors` file; None where it has no such name."""
    with clear_errors(file), torch.device("cpu"), safe_open(file, "pt", device="cpu") as tensors:
        return tensors.get_tensor(name) if name in tensors.keys() else None  # noqa: SIM118 (no mapping, keys only)


@contextmanager
def clear_errors(file: Path) -> Iterator[None]:
    """Say which file is missing, broken or not to be read, whatever the reader raises."""
    try:
        yield
    except FileNotFoundError as error:
        raise OptionError("weights", f"no file {file}.") from error
    except Exception as error:  # a damaged file raises whatever its bytes happen to say
        if is_out_of_memory(error):
            raise OptionError("weights", f"{file} cannot be read: memory is at its end.") from error
        if isinstance(error, OSError) and error.errno != errno.EINVAL:  # torch seeks wrongly in a file that was cut
            raise OptionError("weights", f"{file} cannot be read: {error.strerror or error}.") from error
        reason = str(error).splitlines()[0] if str(error) else type(error).__name__
        if isinstance(error, pickle.UnpicklingError):  # torch's own words end with the advice to run the file's code
            reason = "it is damaged, or holds more than weights"
        raise OptionError("weights", f"{file} is not a whole .safetensors or .pth file ({reason}).") from error
