"""What the kit offers a component that says it needs more than images (`Claims.needs`)."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from srkit.registry import KINDS, Registry
from srkit.testing.rule import Broken

__all__ = ["KNOWN", "Offered", "extras_for", "features_for", "files_for", "wrong_needs"]

KNOWN = ("extras", "features", "lr", "files")


class NotOffered(Broken, KeyError):
    """A component asks for what it did not say that it needs. A KeyError, so that it may catch it as in a run."""


class Offered(dict[str, Any]):
    """What is offered by name; asked for anything else, it says how to ask for it.

    Args:
        what: where it is asked for, such as "views.extras".
        fix: how it is asked for, with `{name}`.
        given: what is offered.
    """

    def __init__(self, what: str, fix: str, given: Mapping[str, Any]) -> None:
        super().__init__(given)
        self.what, self.fix = what, fix

    def __missing__(self, name: str) -> Any:
        raise NotOffered(f"It asks {self.what} for {name!r}.", self.fix.replace("{name}", str(name)))


def wrong_needs(needs: Mapping[str, Any]) -> str:
    """What the kit does not know what to make of, in a sentence; empty where all is well."""
    for name in needs:
        if name not in KNOWN:
            return f"`claims.needs` names {name!r}; the kit offers {', '.join(KNOWN)}."
    for name in ("features", "lr"):
        if not isinstance(needs.get(name, 1), int) or needs.get(name, 1) < 1:
            return f"`claims.needs` has {name} = {needs[name]!r}, expected a whole number from 1."
    files = needs.get("files", {})
    if not isinstance(files, Mapping) or not all(callable(one) or one in MADE for one in files.values()):
        return (
            f"`claims.needs` has files = {files!r}, expected option -> {' or '.join(map(repr, MADE))}, or a function."
        )
    return ""


def extras_for(wanted: Any, sr: Tensor, lr: Tensor) -> Mapping[str, Any]:
    """What a generator gives beside the image: what the claim's function makes, or by each name an image with graph."""
    if callable(wanted):
        made = wanted(sr, lr)
        if not isinstance(made, Mapping):
            raise Broken(f"claims.needs['extras'] gives a {type(made).__name__}.", "Give a table by name.")
        return made
    return {name: sr * (0.9 - 0.1 * number) for number, name in enumerate(wanted)}


def features_for(count: int, network: nn.Module, image: Tensor) -> list[Tensor]:
    """Feature maps (B, 4, H / 2, W / 2), (B, 4, H / 4, W / 4) and so on, as many as wanted."""
    first: nn.Sequential = network.layers[:2]  # type: ignore[index, assignment]
    maps = [first(image)]
    while len(maps) < count:
        maps.append(F.avg_pool2d(maps[-1], 2, ceil_mode=True))
    return maps[:count]


def files_for(files: Mapping[str, Any], folder: Path) -> dict[str, str]:
    """The options that name files, which are written first."""
    made = {}
    for number, (option, how) in enumerate(files.items()):
        place = folder / f"file-{number}"
        place.mkdir(exist_ok=True)
        made[option] = str(MADE[how](place) if isinstance(how, str) else how(place))
    return made


def _images(folder: Path) -> Path:
    from srkit.testing.options import picture_folder

    return picture_folder(folder)


def _model(folder: Path) -> Path:
    """A trained x2 model, as `srkit export` writes it."""
    from srkit.inference.exported import save_exported
    from srkit.inference.own_words import EXPERIMENT

    says = {"scale": 2, "generator": {"use": "srkit:espcn", "channels": 4}}
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(3)
        network: nn.Module = Registry.installed().built_in(KINDS["generators"], "espcn").build(scale=2, channels=4)
    save_exported(folder / "model.safetensors", network.state_dict(), {EXPERIMENT: json.dumps(says)})
    return folder / "model.safetensors"


MADE: dict[str, Callable[[Path], Path]] = {"images": _images, "model": _model}
"""What the kit can write by itself."""
