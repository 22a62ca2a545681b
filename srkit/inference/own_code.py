"""Own code in what files say of themselves: its class's name alone, found again in a Python file that a user names."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from contextlib import suppress
from pathlib import Path
from typing import Any

from srkit.errors import UserError
from srkit.registry import KINDS, Component, NotFound, Registry

__all__ = ["code_line", "own_names", "require_registered", "with_code", "without_code"]

MARK = ":"
"""What stands before a class's name in the place of the file or module it was written in."""

OWN = "own code"
"""The distribution that classes of a file that the user names are registered under, for one model."""

SHOWN = 80

_FILE = re.compile(r"[^\n]*\.py:([\w.]+)")
_NAME = re.compile(r"[^\W\d]\w*")


def without_code(value: Any, registry: Registry) -> Any:
    """An experiment without where its own code lies: of `./net.py:Net` and `package.module:Net` there is `:Net`."""
    if isinstance(value, Mapping):
        return {
            key: MARK + _last(one)
            if key == "use" and isinstance(one, str) and not registry.has(one)
            else without_code(one, registry)
            for key, one in value.items()
        }
    if isinstance(value, (list, tuple)):
        return [without_code(one, registry) for one in value]
    found = _FILE.fullmatch(value) if isinstance(value, str) else None
    return MARK + found[1] if found is not None else value


def own_names(table: Any, registry: Registry) -> list[str]:
    """What a table and those in it pick that is not registered."""
    uses = dict.fromkeys(one for one in _uses(table) if not registry.has(one))
    return list(uses)


def code_line(file: object) -> str:
    """How a file is loaded whose generator is own code."""
    return f'srkit.load("{file}", code="./net.py", trust=True)'


def require_registered(path: Path, table: Mapping[str, Any], registry: Registry) -> None:
    """Take nothing but registered components for what a file's header names.

    Raises:
        UserError: it names something else; with the way to load own code.
    """
    names = own_names(table, registry)
    if not names:
        return
    shown = " and ".join(repr(one)[:SHOWN] for one in names)
    if all(one.startswith(MARK) for one in names):
        what = f"its generator is own code ({shown.replace(MARK, '')}), which a file of weights does not hold"
    else:
        what = f"its header names {shown}, which is not registered here; nothing else is loaded because of a header"
    raise UserError(f"{path}: {what}. Where you have the code and trust it: {code_line(path)}")


def with_code(
    path: Path, table: Mapping[str, Any], code: Path, registry: Registry
) -> tuple[Mapping[str, Any], Registry]:
    """A generator's table and where it is looked up: registered components, and the file's own ones out of `code`.

    Args:
        path: the file of weights.
        table: the generator's.
        code: a Python file.
        registry: says whether that file may be loaded.

    Raises:
        UserError: the file names no own code, or what it names is not in `code`; Untrusted: nobody trusts it.
    """
    names = own_names(table, registry)
    if not names:
        raise UserError(f"{path}: its generator is no own code: load it without code={str(code)!r}")
    offered = registry.registered_only
    for use in names:
        name = _last(use)
        if _NAME.fullmatch(name) is None:
            raise UserError(f"{path}: its header names {use[:SHOWN]!r}, which is no class's name")
        for component in _found(name, code, registry):
            offered.register(component.kind, OWN, **{name: component.factory})
    return _renamed(table, names), offered


def _found(name: str, code: Path, registry: Registry) -> list[Component]:
    """The class as a generator or as a block, whichever it can be.

    Raises:
        UserError: it is neither.
    """
    use = f"{code.expanduser().resolve()}:{name}"
    found: list[Component] = []
    with suppress(UserError):
        found.append(registry.find(KINDS["blocks"], use, Path.cwd()))
    try:
        found.append(registry.find(KINDS["generators"], use, Path.cwd()))
    except UserError as error:
        if not found or isinstance(error, NotFound):
            raise
    return found


def _renamed(value: Any, names: list[str]) -> Any:
    if isinstance(value, Mapping):
        return {
            key: f"{OWN}:{_last(one).replace('_', '-')}" if key == "use" and one in names else _renamed(one, names)
            for key, one in value.items()
        }
    return [_renamed(one, names) for one in value] if isinstance(value, (list, tuple)) else value


def _uses(value: Any) -> Iterator[str]:
    if isinstance(value, Mapping):
        if isinstance(use := value.get("use"), str):
            yield use
        for one in value.values():
            yield from _uses(one)
    elif isinstance(value, (list, tuple)):
        for one in value:
            yield from _uses(one)


def _last(use: str) -> str:
    return use.rpartition(":")[2].rpartition(".")[2].strip()
