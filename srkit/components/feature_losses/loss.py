"""The perceptual loss: a distance between what a frozen VGG sees in both images, layer by layer."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from srkit.components.feature_losses.architectures import Architecture, convolutions
from srkit.components.feature_losses.trunk import Trunk
from srkit.components.feature_losses.views import cut, draw_corners, shrunk
from srkit.contracts import Views
from srkit.errors import OptionError, UserError
from srkit.exactness import at_least_float32

__all__ = ["VggLoss", "VggOptions"]


@dataclass(frozen=True)
class VggOptions:
    """The options of `vgg16` and `vgg19` beside the weights; `vgg.py` says what each means.

    Attributes:
        layers: weight of each chosen layer, in the network's order; made of the two options by `chosen_layers`.
    """

    layers: Mapping[str, float] = field(default_factory=dict)
    activation: Literal["before", "after"] = "before"
    criterion: Literal["mse", "l1"] = "mse"
    prescale: int = 1
    prescale_transfer: str | float = 2.2
    shift: int = 0
    border: int = 0


def chosen_layers(
    architecture: Architecture, layers: tuple[str, ...] | Mapping[Any, float], decay: float
) -> dict[str, float]:
    """Each chosen layer's weight, in the network's order, the n-th times decay^(n-1); layers of weight 0 left out.

    Raises:
        OptionError: no layer, an unknown one, one twice, a negative weight.
    """
    if not isinstance(layers, Mapping):
        if len(set(layers)) < len(layers):
            raise OptionError("layers", f"a layer is named twice in {list(layers)}.")
        layers = dict.fromkeys(layers, 1.0)
    known = [convolution.name for convolution in convolutions(architecture)]
    for name, weight in layers.items():
        if name not in known:
            raise OptionError("layers", f"{architecture} has no layer {name!r}; it has {', '.join(known)}.")
        if weight < 0:
            raise OptionError("layers", f"the weight of {name} is negative: {weight}.")
    if decay <= 0:
        raise OptionError("decay", f"a number above 0, got {decay}.")
    wanted = [name for name in known if layers.get(name, 0) > 0]
    if not wanted:
        raise OptionError("layers", "at least one layer with a weight above 0 is needed.")
    return {name: layers[name] * decay**place for place, name in enumerate(wanted)}


class VggLoss(nn.Module):
    """The distance between the features of SR and HR; see `vgg16` and `vgg19`, which make it.

    Holds no parameters and nothing to save: the trunk's weights are unsaved buffers.

    Args:
        trunk: the network; made deeper here where needed.
        options: what is compared and how.

    Attributes:
        provenance: where the network's weights come from.
    """

    def __init__(self, trunk: Trunk, options: VggOptions) -> None:
        super().__init__()
        for key, least in {"prescale": 1, "shift": 0, "border": 0}.items():
            if getattr(options, key) < least:
                raise OptionError(key, f"a whole number from {least}, got {getattr(options, key)}.")
        if not isinstance(options.prescale_transfer, str) and options.prescale_transfer <= 0:
            raise OptionError("prescale_transfer", f"an exponent above 0, got {options.prescale_transfer}.")
        trunk.require(list(options.layers)[-1])
        self.trunk = trunk
        self.options = options
        self.levels = {convolution.name: convolution.level for convolution in trunk.plan}
        self.provenance = trunk.provenance

    def forward(self, views: Views) -> dict[str, Tensor]:
        """SR and HR of the views (B, 3, H, W) -> each layer's part, its weight included; their sum is the loss."""
        shift = self.options.shift
        corners = draw_corners(views.draws, shift) if shift > 1 else None
        self.check_size(views.hr.shape[-2], views.hr.shape[-1])
        with torch.no_grad():
            wanted = self.features(views.hr, corners)
        found = self.features(views.sr.to(views.hr.dtype), corners)
        distance = F.mse_loss if self.options.criterion == "mse" else F.l1_loss
        return {
            name: weight * distance(at_least_float32(found[name]), at_least_float32(wanted[name]))
            for name, weight in self.options.layers.items()
        }

    def features(self, image: Tensor, corners: list[tuple[int, int]] | None) -> dict[str, Tensor]:
        """What the chosen layers see in the image, borders cropped."""
        if corners is not None:
            image = cut(image, corners, self.options.shift)
        image = shrunk(image, self.options.prescale, self.options.prescale_transfer)
        features = self.trunk(image, self.options.layers, self.options.activation)
        return {name: self.cropped(maps, self.border_at(name)) for name, maps in features.items()}

    def border_at(self, name: str) -> int:
        """How many places of this layer's features the border covers, rounded up."""
        return -(-self.options.border // 2 ** self.levels[name])

    def cropped(self, maps: Tensor, border: int) -> Tensor:
        """(B, C, H, W) -> (B, C, H - 2 border, W - 2 border)."""
        return maps[..., border : maps.shape[-2] - border, border : maps.shape[-1] - border]

    def check_size(self, height: int, width: int) -> None:
        """Raise `UserError` where shift, prescale, pooling and border leave nothing of the picture."""
        options = self.options
        side = (min(height, width) - max(options.shift - 1, 0)) // options.prescale
        for name in options.layers:
            if (side >> self.levels[name]) - 2 * self.border_at(name) < 1:
                raise UserError(
                    f"a VGG loss sees nothing of a picture of {width} x {height} pixels at {name} (shift = "
                    f"{options.shift}, prescale = {options.prescale}, border = {options.border}): take larger patches, "
                    f"or lower these options"
                )
