"""Nested components for whoever builds a component from Python: a built-in's name does where a factory is wanted."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from importlib import import_module
from typing import Any

from srkit.errors import OptionError

__all__ = ["build_nested"]


def build_nested(part: Callable[..., Any] | str | Mapping[str, Any], kind: str, key: str, **given: Any) -> Any:
    """Build a nested component.

    An experiment file's nested component arrives as a factory, whoever wrote it. A default and a call from Python may
    also say a built-in's name, or a mapping of `use` and options as the file has it.

    Args:
        part: the factory, the name or the mapping.
        kind: the folder of built-ins that a name is looked up in, such as `blocks`.
        key: the option that is to blame where there is no such name.
        given: what the kind is called with, such as `channels`.
    """
    if isinstance(part, str):
        return _built_in(part, kind, key)(**given)
    if isinstance(part, Mapping):
        options = {name: value for name, value in part.items() if name != "use"}
        return _built_in(str(part.get("use", "")), kind, key)(**given, **options)
    return part(**given)


def _built_in(name: str, kind: str, key: str) -> Callable[..., Any]:
    """The class `ResidualDense` of `blocks/residual_dense.py` for the name `residual-dense`."""
    module = f"srkit.components.{kind}.{name.replace('-', '_')}"
    try:
        return getattr(import_module(module), "".join(word.capitalize() for word in name.split("-")))
    except (ModuleNotFoundError, AttributeError):
        raise OptionError(key, f"no built-in of {kind} is called {name!r}; from Python, hand over a class.") from None
