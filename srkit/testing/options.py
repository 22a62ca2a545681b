"""Options for the kit to build a component with: what its author claims, and examples where nothing has a default."""

from __future__ import annotations

import types
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Annotated, Any, Literal, Union, get_args, get_origin

import numpy as np

from srkit.registry import Component, Option

__all__ = ["complete_options", "picture_folder"]

STOCK = {
    "blocks": "Block",
    "generators": "Generator",
    "discriminators": "Discriminator",
    "pixel_losses": "PixelLoss",
    "downscalers": "Downscaler",
    "degradations": "Degradation",
    "datasets": "Dataset",
}
"""Kind -> the class of `srkit.testing.stock` that stands in for a nested component."""

PICTURES = ((40, 48), (48, 40), (44, 44))


def complete_options(component: Component, written: Mapping[str, Any], folder: Path) -> dict[str, Any]:
    """What was written, and an example for each option that has no default, as an experiment file would have it.

    An option for which there is no example is left out: then the component cannot be built, and says which it is.

    Args:
        component: whose options.
        written: options that are settled.
        folder: where pictures may be put for an option that is a path.
    """
    options = dict(written)
    for option in component.signature.options:
        if option.required and option.name not in options:
            example = _example(option, folder)
            if example is not None:
                options[option.name] = example
    return options


def _example(option: Option, folder: Path) -> Any:
    if option.nested is not None:
        name = STOCK.get(option.nested.plural)
        one = None if name is None else {"use": f"srkit.testing.stock:{name}"}
        return [one, one] if option.many and one else one
    return _example_of(option.annotation, folder)


def _example_of(annotation: Any, folder: Path) -> Any:
    origin, arguments = get_origin(annotation), get_args(annotation)
    if origin is Annotated:
        return _example_of(arguments[0], folder)
    if origin in (Union, types.UnionType):
        return next((one for one in (_example_of(part, folder) for part in arguments) if one is not None), None)
    if origin is Literal:
        return arguments[0]
    if origin in (list, Sequence):
        inner = _example_of(arguments[0], folder)
        return None if inner is None else [inner]
    if origin is tuple:
        wanted = arguments[:1] if arguments[-1] is Ellipsis else arguments
        return [_example_of(part, folder) for part in wanted]
    if annotation is Path:
        return str(picture_folder(folder))
    examples: dict[Any, Any] = {bool: False, int: 2, float: 0.5}
    return examples.get(annotation)


def picture_folder(folder: Path) -> Path:
    """A folder with a few pictures of noise."""
    from PIL import Image

    place = folder / "pictures"
    place.mkdir(exist_ok=True)
    for number, (height, width) in enumerate(PICTURES):
        noise = np.random.default_rng(number).integers(0, 255, (height, width, 3), dtype=np.uint8)
        Image.fromarray(noise).save(place / f"{number}.png")
    return place
