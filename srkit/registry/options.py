"""A component's options, read from its factory's signature; a signature that cannot be an option list is refused."""

from __future__ import annotations

import inspect
import re
import sys
import types
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import partial
from typing import Annotated, Any, Union, get_args, get_origin, get_type_hints

import msgspec

from srkit.contracts import Factory
from srkit.errors import FAILURES, UserError, in_short, text_of, value_in_short
from srkit.registry.kinds import RESERVED_OPTIONS, Kind, kind_of_contract
from srkit.registry.values import unsupported


class ContractError(UserError):
    """A component's factory breaks its contract; the message holds the line to write instead."""


REQUIRED = inspect.Parameter.empty


@dataclass(frozen=True)
class Option:
    """One keyword parameter of a factory.

    Attributes:
        name: what a user types.
        annotation: its type, `Annotated` kept.
        default: its default, or `REQUIRED`.
        doc: the sentence about it from the docstring's `Args:` or from `Annotated[..., "..."]`.
        nested: the kind of component it is, where it is annotated `Factory[...]`.
        many: whether it is a list of such components.
    """

    name: str
    annotation: Any
    default: Any
    doc: str = ""
    nested: Kind | None = None
    many: bool = False

    @property
    def required(self) -> bool:
        return self.default is REQUIRED


@dataclass(frozen=True)
class Signature:
    """What a factory takes: its options, and which of the offered arguments it names."""

    options: tuple[Option, ...]
    takes: frozenset[str]

    def option(self, name: str) -> Option | None:
        return next((option for option in self.options if option.name == name), None)


def read_signature(factory: Callable[..., Any], kind: Kind) -> Signature:
    """The options of a factory.

    Raises:
        ContractError: naming the parameter and the line to write instead.
    """
    label = getattr(factory, "__qualname__", repr(factory))
    if not callable(factory):
        raise ContractError(f"{label} cannot be called; an entry point of {kind.group} names a class or a function")
    try:
        parameters: Mapping[str, inspect.Parameter] = (
            {} if _has_no_init(factory) else inspect.signature(factory).parameters
        )
    except (ValueError, TypeError) as error:
        raise ContractError(f"{label}: its signature cannot be read: {text_of(error)}") from None
    docs = argument_docs(inspect.getdoc(factory) or "") | argument_docs(_init_doc(factory))
    options = []
    for parameter in parameters.values():
        _refuse_form(parameter, label)
        if parameter.name in kind.given or parameter.name in kind.offered:
            continue
        annotation = _annotation(factory, parameter, label)
        options.append(_option(parameter, annotation, docs.get(parameter.name, "")))
    for name in kind.given:
        if name not in parameters:
            raise ContractError(
                f"{label} takes no '{name}'; every factory of {kind.group} is called with it. "
                f"Write: {_first_line(factory, f'{name}: {_GIVEN_TYPES[name]}')}"
            )
    return Signature(tuple(options), frozenset(name for name in kind.offered if name in parameters))


def _has_no_init(factory: Callable[..., Any]) -> bool:
    """Whether a class takes nothing: the `__init__(*args, **kwargs)` of torch's Module is not the class's own."""
    if not inspect.isclass(factory):
        return False
    owner = next(one for one in factory.__mro__ if "__init__" in vars(one) or "__new__" in vars(one))
    return owner is object or (owner.__module__.startswith("torch.") and owner.__name__ == "Module")


_GIVEN_TYPES = {"scale": "int", "channels": "int", "parameters": "list[dict]"}


def _first_line(factory: Callable[..., Any], parameter: str) -> str:
    if inspect.isclass(factory):
        return f"def __init__(self, *, {parameter}, ...)"
    return f"def {getattr(factory, '__name__', 'factory')}(*, {parameter}, ...)"


def _refuse_form(parameter: inspect.Parameter, label: str) -> None:
    name = parameter.name
    if parameter.kind in (parameter.VAR_POSITIONAL, parameter.VAR_KEYWORD):
        stars = "*" if parameter.kind is parameter.VAR_POSITIONAL else "**"
        raise ContractError(
            f"{label} takes '{stars}{name}'; options must be named so that they can be checked. "
            f"Write one keyword parameter an option instead: 'width: int = 64'"
        )
    if parameter.kind is parameter.POSITIONAL_ONLY:
        raise ContractError(f"{label}: '{name}' is positional-only, and is given by name. Remove the '/' after it")
    if name in RESERVED_OPTIONS:
        raise ContractError(f"{label}: '{name}' is a reserved option name ({', '.join(RESERVED_OPTIONS)}). Rename it")


def _annotation(factory: Callable[..., Any], parameter: inspect.Parameter, label: str) -> Any:
    """The type of an option.

    Raises:
        ContractError: it has none, or one that no value of a TOML file can have.
    """
    name = parameter.name
    default = "" if parameter.default is REQUIRED else f" = {value_in_short(parameter.default)}"
    if parameter.annotation is REQUIRED:
        raise ContractError(f"{label}: option '{name}' has no type. Write: '{name}: {_guess(parameter)}{default}'")
    try:
        annotation = _evaluated(factory, name, parameter.annotation)
    except FAILURES as error:
        raise ContractError(
            f"{label}: the type of option '{name}' cannot be read: {in_short(error)}. "
            "Import what it names outside of `if TYPE_CHECKING:`"
        ) from None
    if nested_kind(annotation)[0] is None and (culprit := unsupported(annotation)) is not None:
        word = getattr(culprit, "__name__", str(culprit))
        raise ContractError(
            f"{label}: option '{name}' has the type {word}, which no value in a TOML file has. "
            f"Write a number, text, path, list, table or Factory[...] instead: '{name}: {_guess(parameter)}{default}'"
        )
    return annotation


def _guess(parameter: inspect.Parameter) -> str:
    """The type to write for a parameter that has none, as its default shows."""
    default = parameter.default
    if default is None:
        return "int | None"
    if isinstance(default, (list, tuple)) and default:
        inner = [type(one).__name__ for one in default]
        return f"list[{inner[0]}]" if isinstance(default, list) else f"tuple[{', '.join(inner)}]"
    return type(default).__name__ if isinstance(default, (bool, int, float, str)) else "int"


def _evaluated(factory: Callable[..., Any], name: str, annotation: Any) -> Any:
    """One parameter's annotation as a type; what else the signature names need not exist when it runs."""
    target: Any = inspect.unwrap(signed_function(factory))
    alone = types.SimpleNamespace(__annotations__={name: annotation})
    scope = getattr(target, "__globals__", None) or vars(sys.modules[target.__module__])
    return get_type_hints(alone, globalns=scope, include_extras=True)[name]


def signed_function(factory: Callable[..., Any]) -> Any:
    """The function whose parameters a factory's are."""
    target: Any = factory
    while isinstance(target, partial):
        target = target.func
    if inspect.isclass(target):
        return target.__init__ if target.__init__ is not object.__init__ else target.__new__
    return target if inspect.isfunction(target) or inspect.ismethod(target) else type(target).__call__


def _init_doc(factory: Callable[..., Any]) -> str:
    return (inspect.getdoc(factory.__init__) or "") if inspect.isclass(factory) else ""


def _option(parameter: inspect.Parameter, annotation: Any, doc: str) -> Option:
    nested, many = nested_kind(annotation)
    if get_origin(annotation) is Annotated and not doc:
        doc = next((one for one in get_args(annotation)[1:] if isinstance(one, str)), "") or next(
            (one.description for one in get_args(annotation)[1:] if isinstance(one, msgspec.Meta) and one.description),
            "",
        )
    return Option(parameter.name, annotation, parameter.default, doc, nested, many)


def nested_kind(annotation: Any) -> tuple[Kind | None, bool]:
    """The kind a `Factory[Block]` (or a list of them, or an optional one) asks for, and whether it is a list."""
    origin, arguments = get_origin(annotation), get_args(annotation)
    if origin is Factory:
        return kind_of_contract(arguments[0]), False
    if origin is list or (origin is tuple and len(arguments) == 2 and arguments[1] is Ellipsis):
        kind, _ = nested_kind(arguments[0])
        return kind, kind is not None
    if origin in (Union, types.UnionType, Annotated):
        parts = arguments[:1] if origin is Annotated else arguments
        return next((pair for pair in map(nested_kind, parts) if pair[0] is not None), (None, False))
    return None, False


_ARGUMENT = re.compile(r"^(?P<indent>\s+)(?P<name>\w+)(?:\s*\([^)]*\))?:(?:\s+(?P<text>.*))?$")


def argument_docs(docstring: str) -> dict[str, str]:
    """The `Args:` section of a Google-style docstring: parameter -> its text on one line."""
    docs: dict[str, str] = {}
    lines = iter(docstring.splitlines())
    if not any(line.strip() in ("Args:", "Arguments:") for line in lines):
        return docs
    name, indent = "", None
    for line in lines:
        if line.strip() and not line.startswith((" ", "\t")):
            break
        match = _ARGUMENT.match(line)
        if match and (indent is None or len(match["indent"]) == indent):
            name, indent = match["name"], len(match["indent"])
            docs[name] = (match["text"] or "").strip()
        elif name and line.strip():
            docs[name] = f"{docs[name]} {line.strip()}".strip()
    return docs
