"""How a network of spandrel's becomes a generator of srkit's: its own state, any size of picture, srkit's errors."""

from __future__ import annotations

import inspect
import re
import warnings
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from functools import cache
from importlib import import_module
from typing import Any, TypeVar

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from srkit.contracts import Claims, Foreign
from srkit.errors import OptionError

__all__ = ["ANY", "STEPS", "Source", "generator"]

Made = TypeVar("Made", bound=Callable[..., nn.Module])

ANY = tuple(range(1, 17))
"""Scales of a network that ends in one pixel shuffle."""

STEPS = (2, 3, 4, 8)
"""Scales of a network that enlarges in steps of 2, or once by 3."""


@dataclass(frozen=True)
class Source:
    """An architecture of spandrel's.

    Attributes:
        architecture: its folder there, such as `PLKSR`.
        network: the class in it, such as `RealPLKSR`.
        scale: what its constructor calls the scale.
        scales: which ones it can do.
        fixed: what its constructor is given beside srkit's options.
        least: the smallest side of a picture, in pixels; a smaller one is padded.
        multiple: what the sides have to be a multiple of; others are padded.
        frozen: matches the names of parameters that the forward pass for training never uses.
        writes_input: whether it works in place on the picture it is handed, which is therefore a copy.
        alone: whether in evaluation mode it takes one picture at a time.
        excused: what the conformance kit is told of it.
    """

    architecture: str
    network: str
    scale: str = "upscale"
    scales: tuple[int, ...] = STEPS
    fixed: Mapping[str, Any] = field(default_factory=dict, hash=False)
    least: int = 1
    multiple: int = 1
    frozen: str = ""
    writes_input: bool = False
    alone: bool = False
    excused: Mapping[str, str] = field(default_factory=dict, hash=False)

    def build(self, options: Mapping[str, Any], **fixed: Any) -> nn.Module:
        """The network with fresh weights; its state has spandrel's names, so that other tools read what was trained.

        Args:
            options: `scale` and the constructor's own arguments.
            fixed: arguments that follow from the options.

        Raises:
            OptionError: it cannot do the scale, or the options contradict each other.
        """
        scale, own = options["scale"], {key: value for key, value in options.items() if key != "scale"}
        if scale not in self.scales:
            raise OptionError("scale", f"{self.network} does {_listed(self.scales)}, got {scale}.")
        _check_heads(own)
        arguments = {**self.fixed, **own, **fixed, self.scale: scale}
        ambient = torch.empty(0).device
        try:
            # constructors compute with tensors of their own, which the meta device cannot
            with torch.device("cpu"), warnings.catch_warnings():
                # torch's hints on how such a network is written are for its authors
                warnings.simplefilter("ignore", UserWarning)
                network = _fitted(self, scale)(**arguments)
        except (AssertionError, RuntimeError, ValueError, ZeroDivisionError, IndexError) as error:
            said = " ".join(str(error).split()) or "an assertion of its constructor fails"
            values = ", ".join(f"{key} = {value}" for key, value in own.items())
            raise OptionError("use", f"{self.network} cannot be built with {values}: {said}.") from error
        for name, parameter in network.named_parameters():
            if self.frozen and re.search(self.frozen, name):
                parameter.requires_grad_(False)
        return network.to(ambient)

    def recognize(self, factory: Callable[..., nn.Module], weights: Mapping[str, Tensor]) -> Foreign | None:
        """What builds the network of a file, found out by spandrel from shapes and names."""
        from spandrel import MAIN_REGISTRY

        supports = {str(one.architecture.id): one.architecture for one in MAIN_REGISTRY.architectures("detection")}
        if not supports[self.architecture].detect(dict(weights)):
            return None
        model = supports[self.architecture].load(dict(weights)).model
        if type(model).__name__ != self.network:
            return None
        found: dict[str, Any] = model.hyperparameters
        options = {key: found[key] for key in inspect.signature(factory).parameters if key in found} | {
            "scale": found[self.scale]
        }
        try:
            own = factory(**options)
        except OptionError:
            return None  # spandrel's network does what srkit's generator is not offered with, such as scale 1
        if any(_comparable(value) != _comparable(found.get(key)) for key, value in _hyperparameters(own).items()):
            return None
        return Foreign(f"spandrel's {self.network}", options, _resized_buffers(own, weights))


def generator(source: Source, **options: Any) -> Callable[[Made], Made]:
    """Say of a factory what srkit asks it for: what the conformance kit builds it with, and which files it knows.

    Args:
        source: what the factory builds.
        options: a small form of the network.
    """

    def mark(factory: Made) -> Made:
        def recognize(weights: Mapping[str, Tensor], ordered: bool) -> Foreign | None:
            return source.recognize(factory, weights)

        recognize.__doc__ = f"spandrel's {source.network}, as published; for `srkit import`"
        factory.claims = Claims(options, excused=source.excused)  # type: ignore[attr-defined]  # what srkit.contracts asks of a factory
        factory.recognize = recognize  # type: ignore[attr-defined]  # as above
        return factory

    return mark


@cache
def _fitted(source: Source, scale: int) -> type[nn.Module]:
    """The network's class with a `forward` that takes pictures of any size; its name and state are unchanged."""
    module = import_module(f"spandrel.architectures.{source.architecture}")
    network: type[nn.Module] = getattr(module, source.network)

    def forward(self: nn.Module, lr: Tensor) -> Tensor:
        """LR (B, 3, h, w) in [0, 1] -> SR (B, 3, h * scale, w * scale), unclamped."""
        height, width = lr.shape[-2:]
        image = padded(lr.clone() if source.writes_input else lr, source.least, source.multiple)
        if source.alone and not self.training:
            sr = torch.cat([network.forward(self, one) for one in image.split(1)])
        else:
            sr = network.forward(self, image)
        return sr[..., : height * scale, : width * scale]

    return type(source.network, (network,), {"forward": forward, "__doc__": network.__doc__})


def padded(image: Tensor, least: int, multiple: int) -> Tensor:
    """An image (B, C, h, w) made larger at right and bottom: mirrored, and where that is too little, continued.

    spandrel pads in the same way, so that both give the same picture.

    Args:
        least: the smallest side there may be.
        multiple: what both sides have to be a multiple of.
    """
    height, width = image.shape[-2:]
    more = [-(-max(least, side) // multiple) * multiple - side for side in (width, height)]
    if not any(more):
        return image
    mirrored = [min(pad, side - 1) for pad, side in zip(more, (width, height), strict=True)]
    image = F.pad(image, (0, mirrored[0], 0, mirrored[1]), "reflect")
    return F.pad(image, (0, more[0] - mirrored[0], 0, more[1] - mirrored[1]), "replicate")


def _check_heads(options: Mapping[str, Any]) -> None:
    """Refuse heads of attention that do not share the channels evenly; constructors let them pass."""
    if "num_heads" not in options:
        return
    heads, channels = options["num_heads"], options["embed_dim"]
    depths = options.get("depths", options.get("depth"))
    if depths is not None and len(depths) != len(heads):
        raise OptionError("num_heads", f"as many as there are groups, {len(depths)}, got {heads}.")
    uneven = [one for one in (heads if isinstance(heads, list | tuple) else [heads]) if channels % one]
    if uneven:
        raise OptionError("num_heads", f"embed_dim = {channels} is no multiple of {uneven[0]}.")


def _hyperparameters(network: nn.Module) -> dict[str, Any]:
    """What spandrel says a network was built with, but for the size its masks are prepared for."""
    hyperparameters: dict[str, Any] = network.hyperparameters  # type: ignore[assignment]  # spandrel's decorator sets it
    return {key: value for key, value in hyperparameters.items() if key != "img_size"}


def _comparable(value: Any) -> Any:
    return list(value) if isinstance(value, tuple) else value


def _listed(scales: tuple[int, ...]) -> str:
    if scales == ANY:
        return f"scales from {scales[0]} to {scales[-1]}"
    return f"scale {', '.join(map(str, scales))}"


def _resized_buffers(network: nn.Module, weights: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """The file's tensors; masks that were made for another size of picture as the network makes them."""
    own = dict(network.named_buffers())
    return {
        name: own[name] if name in own and own[name].shape != value.shape else value for name, value in weights.items()
    }
