"""Which kind of component a class or function of a user's own file is, as it shows itself."""

from __future__ import annotations

import inspect
from typing import Any

from srkit.errors import UserError
from srkit.registry import KINDS, Kind

__all__ = ["kind_of"]

BY_ATTRIBUTE = {
    "generator_term": "adversarial_losses",
    "works_on": "downscalers",
    "higher_is_better": "metrics",
    "factor": "schedules",
    "submit": "launchers",
    "__getitem__": "datasets",
    "invoke": "commands",
}
"""What only one kind has."""

BY_CALL = {
    ("lr",): "generators",
    ("image",): "discriminators",
    ("image", "lr"): "discriminators",
    ("sr", "hr"): "pixel_losses",
    ("views",): "pixel_losses",
    ("batch", "draws"): "degradations",
    ("hr", "draws"): "lr_pipelines",
}
"""The names with which a kind's contract is called."""


def kind_of(factory: Any, use: str) -> Kind:
    """The kind.

    Raises:
        UserError: it could be several; says how to name it.
    """
    plural = next((plural for name, plural in BY_ATTRIBUTE.items() if hasattr(factory, name)), None)
    if plural is None and any(name.startswith("srkit_") for name in dir(factory)):
        plural = "plugins"
    if plural is None and not inspect.isclass(factory) and "parameters" in _parameters(factory):
        plural = "optimizers"
    plural = plural or _by_call(factory)
    if plural is None:
        kinds = ", ".join(KINDS)
        raise UserError(f"{use}: which kind of component is it? Name it with --kind: {kinds}.")
    return KINDS[plural]


def _by_call(factory: Any) -> str | None:
    called = vars(factory).get("forward") or vars(factory).get("__call__") if inspect.isclass(factory) else factory
    names = tuple(name for name in _parameters(called) if name != "self")
    plural = BY_CALL.get(names)
    if plural is not None or not inspect.isclass(factory):
        return plural
    stars = (inspect.Parameter.VAR_POSITIONAL, inspect.Parameter.VAR_KEYWORD)
    needed = [one for one in _parameters(factory).values() if one.default is one.empty and one.kind not in stars]
    given = [one.name for one in needed]
    return "generators" if "scale" in given else "blocks" if given == ["channels"] else None


def _parameters(function: Any) -> dict[str, inspect.Parameter]:
    try:
        return dict(inspect.signature(function).parameters)
    except (TypeError, ValueError):
        return {}
