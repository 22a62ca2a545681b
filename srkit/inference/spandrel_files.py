"""Files of other toolkits through spandrel, which knows their networks by their weights' names."""

from __future__ import annotations

import hashlib
from importlib import metadata
from pathlib import Path

from torch import Tensor, nn

from srkit.errors import FAILURES, UserError, in_short, text_of
from srkit.inference.building import no_larger_than
from srkit.inference.named import NamedModel, identity_of
from srkit.inference.weights import file_content
from srkit.plain_files import open_plain

__all__ = ["ForeignNetwork", "spandrel_model"]


class ForeignNetwork(nn.Module):
    """A network of spandrel's as srkit calls a generator.

    spandrel pads the picture to what the network wants and cuts the result.

    LR (B, 3, h, w) float in [0, 1] -> SR (B, 3, h * scale, w * scale) in [0, 1].

    Args:
        descriptor: what spandrel's loader gave.
    """

    def __init__(self, descriptor: object) -> None:
        super().__init__()
        self.descriptor = descriptor
        self.network: nn.Module = descriptor.model  # type: ignore[attr-defined]  # spandrel is an extra and not typed here

    def forward(self, lr: Tensor) -> Tensor:
        """LR -> SR."""
        sr: Tensor = self.descriptor(lr)  # type: ignore[operator]  # as above
        return sr


def spandrel_model(path: Path) -> NamedModel:
    """The network in a file, whatever toolkit wrote it.

    Raises:
        UserError: spandrel is not installed, does not know the network, or it is none that enlarges RGB pictures.
    """
    network, scale = load_foreign(path)
    with open_plain(path) as file:
        weights = hashlib.file_digest(file, "sha256").hexdigest()

    def load(_: int) -> nn.Module:
        return network

    version = metadata.version("spandrel")
    return NamedModel(path.stem, str(path), scale, identity_of("spandrel", version, weights), load)


def load_foreign(path: Path) -> tuple[nn.Module, int]:
    """The network and its scale; the file is read as every other, and spandrel is handed its weights alone.

    Raises:
        UserError: as `spandrel_model`.
    """
    try:
        from spandrel import ImageModelDescriptor, ModelLoader, canonicalize_state_dict
    except ImportError:
        raise UserError(
            f"{path}: a file of another toolkit is read through spandrel, which is not installed: "
            "pip install 'srkit[foreign]'"
        ) from None
    try:
        state = canonicalize_state_dict(file_content(path))
        tensors = {name: one for name, one in state.items() if isinstance(one, Tensor)}
        with no_larger_than(tensors, path):
            descriptor = ModelLoader().load_from_state_dict(state)
    except UserError:
        raise
    # spandrel raises errors of its own, pickle, torch and safetensors others on what they do not know or cannot read
    except FAILURES as error:
        why = in_short(error) if text_of(error) else "it knows no network with such weights"
        raise UserError(f"{path}: spandrel cannot read this file ({why})") from error
    channels = (descriptor.input_channels, descriptor.output_channels)
    if not isinstance(descriptor, ImageModelDescriptor) or channels != (3, 3):
        raise UserError(f"{path}: {descriptor.architecture.name} is no network that enlarges RGB pictures")
    return ForeignNetwork(descriptor).eval(), descriptor.scale
