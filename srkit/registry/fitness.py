"""Whether a class or function can be a component of its kind, told before it is called."""

from __future__ import annotations

import inspect
from collections.abc import Callable
from functools import partial
from types import NoneType
from typing import Any, get_type_hints

from srkit.registry.kinds import Kind
from srkit.registry.options import ContractError, signed_function

__all__ = ["require_fit"]


def require_fit(factory: Callable[..., Any], kind: Kind, *, must_say: bool) -> None:
    """Refuse what cannot give a component of the kind.

    A class needs the kind's methods, a function a return annotation that has them.

    Args:
        must_say: whether a function without a return annotation is refused: in own code and in modules that a file
            names; an entry point says already what it is for.

    Raises:
        ContractError: with the line to write.
    """
    target: Any = factory
    while isinstance(target, partial):
        target = target.func
    label = getattr(target, "__qualname__", repr(target))
    if inspect.isclass(target):
        if why := _why_unfit(target, kind):
            raise ContractError(why)
        return
    given = _return_annotation(target)
    if given is inspect.Signature.empty:
        if must_say:
            raise ContractError(f"the function {label} does not say what it gives. {_line_to_write(target, kind)}")
    elif not inspect.isclass(given) or given is NoneType or (given is not _contract(kind) and _why_unfit(given, kind)):
        shown = f"{getattr(given, '__name__', given)}, which is no {_words(kind)}"
        raise ContractError(f"the function {label} gives {shown}. {_line_to_write(target, kind)}")


def _why_unfit(cls: type, kind: Kind) -> str:
    """What keeps a class from being one of the kind, with the way out; empty where nothing does."""
    if kind.is_network and not hasattr(cls, "named_parameters"):
        line = f"class {cls.__name__}(torch.nn.Module) with a forward() and super().__init__()"
        return f"it gives a {cls.__name__}, which is no torch module. Write {line}"
    missing = _missing(cls, kind)
    described = f"srkit.contracts.{_contract(kind).__name__} says what one is called with"
    what = f"the class {cls.__qualname__} is no {_words(kind)}: it has no {' and no '.join(missing)}"
    return f"{what}. {described}" if missing else ""


def _return_annotation(function: Any) -> Any:
    """What a function says it gives; empty where it says nothing: no annotation, `Any`, or one that cannot be read."""
    signed = inspect.unwrap(signed_function(function))
    try:
        written = inspect.signature(signed).return_annotation
    except (ValueError, TypeError):
        return inspect.Signature.empty
    if not isinstance(written, str):
        return _said(written)
    alone = type("_", (), {"__annotations__": {"return": written}})
    try:
        return _said(get_type_hints(alone, globalns=getattr(signed, "__globals__", {}))["return"])
    except Exception:  # it names what only a type checker imports
        return inspect.Signature.empty


def _said(annotation: Any) -> Any:
    return inspect.Signature.empty if annotation is Any else NoneType if annotation is None else annotation


def _missing(cls: type, kind: Kind) -> list[str]:
    """The methods of the kind's Protocol that a class lacks."""
    methods = [name for name, value in vars(_contract(kind)).items() if inspect.isfunction(value)]
    asked = [name for name in methods if not name.startswith("_") or name in ("__call__", "__len__", "__getitem__")]
    return [f"{name}()" for name in asked if not _has(cls, name)]


def _has(cls: type, name: str) -> bool:
    # every class can be called; what counts is whether its objects can
    return any(vars(one).get(name) is not None for one in cls.__mro__)


def _contract(kind: Kind) -> type:
    assert kind.contract is not None
    return kind.contract


def _words(kind: Kind) -> str:
    return kind.singular.replace("_", " ")


def _line_to_write(function: Any, kind: Kind) -> str:
    name = getattr(function, "__name__", "factory")
    return f"Write: def {name}(...) -> {_contract(kind).__name__}, from srkit.contracts, or the class that it gives"
