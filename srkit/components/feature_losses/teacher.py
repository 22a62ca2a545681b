"""Distillation: a small network learns what a trained one makes of the same LR images."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any, Literal

import torch
import torch.nn.functional as F
from torch import Tensor, nn

import srkit
from srkit.components.backbones import on_meta
from srkit.contracts import Claims, Provenance, Shared, Views
from srkit.errors import OptionError, UserError
from srkit.exactness import at_least_float32
from srkit.layer_outputs import layer_outputs, require_layers

__all__ = ["Teacher"]


class Teacher(nn.Module):
    """Distillation from a trained model: its SR images as a goal, and where it looks.

    The model is frozen, shared by all losses that name it, and not part of this run's checkpoints; the manifest keeps
    its hash, and a run goes on with the same weights alone. Pixels: the distance between SR and the model's SR of the
    same LR images (Hinton et al. 2015, arXiv 1503.02531, for images). Features: attention transfer, the mean square of
    the difference between two layers' maps of where they respond, whatever their numbers of channels (Zagoruyko and
    Komodakis 2017, arXiv 1612.03928).

    Args:
        model: a run, one of its checkpoints or a file that `srkit upscale --model` takes, of the experiment's scale.
        pixels: weight of the distance to the model's SR images; 0 leaves it out.
        criterion: that distance.
        layers: names of layers compared besides, such as ["body.3"] where both networks have it, or
            { "body.3" = "body.11" }: the trained network's by the generator's. Each pair of one height and width.
        features: weight of each pair of layers.
        shared: loads a model once for all losses of a run.

    Attributes:
        needs_layers: the generator's layers that are compared.
        provenance: which model it is, with the hash of all that its images depend on.
    """

    borrowed = ("teacher",)
    claims = Claims(needs={"files": {"model": "model"}})
    teacher: Any

    def __init__(
        self,
        model: Path,
        pixels: float = 1.0,
        criterion: Literal["l1", "mse"] = "l1",
        layers: tuple[str, ...] | Mapping[Any, str] = (),
        features: float = 1.0,
        shared: Shared | None = None,
    ) -> None:
        super().__init__()
        for key, weight in {"pixels": pixels, "features": features}.items():
            if weight < 0:
                raise OptionError(key, f"the weight is negative: {weight}.")
        pairs = dict(layers) if isinstance(layers, Mapping) else {name: name for name in layers}
        if not pixels and not (pairs and features):
            raise OptionError("pixels", "nothing is compared: give pixels a weight, or name layers.")
        self.model, self.pixels, self.features = model, pixels, features
        self.layers: dict[str, str] = pairs if features else {}
        self.distance = F.l1_loss if criterion == "l1" else F.mse_loss

        def build() -> nn.Module:
            return trained(model)

        # on torch's meta device too: whether it is there, and of this scale, is to be known before a run begins
        self.teacher = shared(("teacher", str(model)), build) if shared is not None else build()
        try:
            require_layers(self.teacher.network, list(self.layers.values()))
        except UserError as error:
            raise OptionError("layers", f"{model}: {error}") from error
        self.needs_layers = tuple(self.layers)
        self.provenance = Provenance(facts={"model": str(model), "sha256": self.teacher.identity})

    def forward(self, views: Views) -> dict[str, Tensor]:
        """LR (B, 3, h, w), SR (B, 3, H, W) and the generator's layers -> the parts, their weights included."""
        scale = views.sr.shape[-1] / views.lr.shape[-1]
        if scale != self.teacher.scale:
            raise OptionError("model", f"{self.model} enlarges by {self.teacher.scale}, this experiment by {scale:g}.")
        with torch.no_grad(), layer_outputs(self.teacher.network, list(self.layers.values())) as seen:
            goal = self.teacher(views.lr)
        parts: dict[str, Tensor] = {}
        if self.pixels:
            parts["pixels"] = self.pixels * self.distance(at_least_float32(views.sr), at_least_float32(goal))
        for own, theirs in self.layers.items():
            parts[own] = self.features * self._attention(own, views.layers[own], theirs, seen[theirs])
        return parts

    def _attention(self, own: str, ours: Tensor, theirs: str, goal: Tensor) -> Tensor:
        """How differently two layers (B, C, h, w) spread over the image."""
        if ours.dim() != 4 or goal.dim() != 4 or ours.shape[-2:] != goal.shape[-2:]:
            sizes = f"{own!r} gives {tuple(ours.shape)}, {theirs!r} of {self.model} {tuple(goal.shape)}"
            raise OptionError("layers", f"{sizes}; they have to be (B, C, h, w) of one height and width.")
        return (attention(ours) - attention(goal)).square().mean()


def attention(features: Tensor) -> Tensor:
    """(B, C, h, w) -> (B, h * w): where a layer responds, the channels' mean square with a norm of 1 for each image."""
    return F.normalize(at_least_float32(features).square().mean(1).flatten(1))


def trained(model: Path) -> nn.Module:
    """The model with its scale and identity, on torch's meta device where that is what is built on.

    Raises:
        OptionError: there is no such model, or it cannot be used.
    """
    try:
        with torch.device("cpu"):
            found = srkit.load(model)
    except UserError as error:
        raise OptionError("model", str(error)) from error
    return found.to("meta") if on_meta() else found
