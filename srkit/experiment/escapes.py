"""Backslashes in a TOML file: paths of Windows between double quotes are something else than they look."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import Any

from srkit.experiment.positions import TreePath

__all__ = ["WAY_OUT", "escaped_paths", "has_backslash"]

WAY_OUT = (
    "Between double quotes a backslash begins an escape (\\n is a line end, \\t a tab). Write the path with / or "
    "between single quotes: 'D:\\new'"
)

_ESCAPED = {"\b": "\\b", "\f": "\\f", "\n": "\\n", "\r": "\\r", "\t": "\\t"}
_DRIVE = re.compile(r"[A-Z]:[\b\f\n\r\t\\/\w]|\.{1,2}[\b\f\n\r\t\\]|\\")
"""How no text but a path begins."""

_OF_PATHS = frozenset(
    (
        "train",
        "validate",
        "path",
        "photos",
        "init",
        "extends",
        "hr_folder",
        "lr_folder",
        "folder",
        "file",
        "model",
        "hr",
        "lr",
    )
)
"""Keys under which a path stands, of which a backslash in the middle is known alone."""


def has_backslash(line: str) -> bool:
    """Whether a line of a file has a backslash between double quotes."""
    return re.search(r'"[^"]*\\', line) is not None


def escaped_paths(value: Any, path: TreePath = ()) -> Iterator[tuple[TreePath, str]]:
    """Where a text holds an escape that a path seems to have begun by chance, and the path as it was likely meant."""
    if isinstance(value, Mapping):
        for key, below in value.items():
            yield from escaped_paths(below, (*path, key))
    elif isinstance(value, list):
        for index, below in enumerate(value):
            yield from escaped_paths(below, (*path, index))
    elif isinstance(value, str) and any(one in value for one in _ESCAPED):
        key = next((one for one in reversed(path) if isinstance(one, str)), "")
        if key.rpartition(".")[2] in _OF_PATHS or _DRIVE.match(value):
            yield path, "".join(_ESCAPED.get(one, one) for one in value)
