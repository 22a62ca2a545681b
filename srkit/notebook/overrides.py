"""Changes of an experiment's values as Python has them, as the settings that `--set` takes."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from srkit.errors import UserError

__all__ = ["settings_of"]


def settings_of(overrides: Mapping[str, Any]) -> list[str]:
    """`KEY=VALUE` for each value that is to change.

    A dict is laid over the file's table, as a file that `extends` another is laid over it; a list replaces the whole
    list. Keys may be dotted paths.

    >>> settings_of({"steps": 100, "generator": {"use": "rrdb", "blocks": 2}, "data.batch_size": 4})
    ['steps=100', 'generator.use="rrdb"', 'generator.blocks=2', 'data.batch_size=4']

    Raises:
        UserError: a value is of a type that no experiment file can hold.
    """
    return [f"{key}={_toml(value, key)}" for key, value in _flat(overrides, "")]


def _flat(table: Mapping[str, Any], prefix: str) -> Iterator[tuple[str, Any]]:
    for name, value in table.items():
        key = f"{prefix}{name}"
        if isinstance(value, Mapping) and value:
            yield from _flat(value, f"{key}.")
        else:
            yield key, value


def _toml(value: Any, key: str) -> str:
    """A value in the one line that TOML writes it in."""
    if hasattr(value, "item") and getattr(value, "ndim", None) == 0:
        value = value.item()  # numpy's and torch's single numbers
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, (int, float)):
        return repr(value)
    if isinstance(value, (str, Path)):
        return _text(str(value))
    if isinstance(value, (list, tuple)):
        return f"[{', '.join(_toml(one, key) for one in value)}]"
    if isinstance(value, Mapping):
        pairs = ", ".join(f"{_text(str(name))} = {_toml(one, key)}" for name, one in value.items())
        return f"{{{pairs}}}"
    raise UserError(
        f"{key}: found {type(value).__name__}, which an experiment file cannot hold. "
        "Give a number, text, True or False, a path, a list or a dict of these."
    )


def _text(text: str) -> str:
    """A text between quotes: what JSON escapes TOML escapes alike, but for one character."""
    return json.dumps(text, ensure_ascii=False).replace("\x7f", "\\u007f")
