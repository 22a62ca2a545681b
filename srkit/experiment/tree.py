"""An experiment file as a plain tree in which every value knows the file and line it came from."""

from __future__ import annotations

import copy
import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import tomli

from srkit.errors import ExperimentError, Problem, UserError

TreePath = tuple[str | int, ...]


@dataclass(frozen=True)
class Origin:
    """Where a value was written.

    Attributes:
        file: the file as it was named, or `--set`.
        line: the line in it, from 1; None for `--set`.
        folder: what relative paths in the value are relative to.
    """

    file: str
    line: int | None
    folder: Path


@dataclass
class Tree:
    """Values and, by their path, their origins. A path without one of its own has that of its nearest ancestor."""

    values: dict[str, Any]
    origins: dict[TreePath, Origin] = field(default_factory=dict)

    def origin(self, path: TreePath) -> Origin:
        for length in range(len(path), -1, -1):
            if path[:length] in self.origins:
                return self.origins[path[:length]]
        return Origin("", None, Path.cwd())

    def get(self, path: TreePath) -> Any:
        value: Any = self.values
        for part in path:
            value = value[part]
        return value

    def put(self, path: TreePath, value: Any, origin: Origin) -> None:
        """Set a value whose parent exists; what stood there is gone with its origins."""
        self.drop(path)
        self.get(path[:-1])[path[-1]] = value
        self.origins[path] = origin

    def drop(self, path: TreePath) -> None:
        parent = self.get(path[:-1])
        if isinstance(parent, dict):
            parent.pop(path[-1], None)
        for one in [one for one in self.origins if one[: len(path)] == path]:
            del self.origins[one]

    def copy(self) -> Tree:
        return Tree(copy.deepcopy(self.values), dict(self.origins))


def read_tree(path: Path, shown_as: str = "") -> Tree:
    """Parse one file.

    Raises:
        UserError: it cannot be read.
        ExperimentError: it is not TOML; with the line.
    """
    shown = shown_as or str(path)
    try:
        text = path.read_text(encoding="utf-8")
    except FileNotFoundError:
        raise UserError(f"there is no experiment file {shown}") from None
    except (OSError, UnicodeDecodeError) as error:
        raise UserError(f"{shown} cannot be read: {error}") from None
    try:
        values = tomli.loads(text)
    except tomli.TOMLDecodeError as error:
        raise ExperimentError([Problem(f"not TOML: {error.msg}", file=shown, line=error.lineno)]) from None
    folder = path.resolve().parent
    origins: dict[TreePath, Origin] = {(): Origin(shown, None, folder)}
    for where, line in positions(text):
        origins.setdefault(where, Origin(shown, line, folder))
    return Tree(values, origins)


def positions(text: str) -> Iterator[tuple[TreePath, int]]:
    """The line each key and table of a valid TOML text stands at.

    tomli itself is the parser: a statement is the shortest run of lines that it accepts, since TOML ends a statement
    at the line's end except inside brackets and multi-line strings, which do not parse while they are open.
    """
    table: TreePath = ()
    counts: dict[TreePath, int] = {}
    for first, statement in _statements(text):
        parsed = tomli.loads(statement)
        if statement.lstrip().startswith("["):
            table = _header(parsed, is_array=statement.lstrip().startswith("[["), counts=counts)
            yield table, first
            continue
        for path, _ in _walk(parsed):
            yield table + path, first + _line_within(statement, path)


def _statements(text: str) -> Iterator[tuple[int, str]]:
    # TOML's line ends are \n and \r\n alone; str.splitlines would also break at form feeds inside strings
    lines = text.split("\n")
    first = 0
    while first < len(lines):
        last = first + 1
        while last <= len(lines):
            statement = "\n".join(lines[first:last])
            try:
                parsed = tomli.loads(statement)
            except tomli.TOMLDecodeError:
                last += 1
                continue
            if parsed:
                yield first + 1, statement
            break
        first = last


def _header(parsed: dict[str, Any], *, is_array: bool, counts: dict[TreePath, int]) -> TreePath:
    """The path of a `[table]` or `[[array]]` header; `counts` remembers how many entries each array has."""
    keys: list[str] = []
    level: Any = parsed
    while isinstance(level, dict) and level:
        key, level = next(iter(level.items()))
        keys.append(key)
    path: TreePath = ()
    for position, key in enumerate(keys):
        path += (key,)
        if position == len(keys) - 1 and is_array:
            counts[path] = counts.get(path, 0) + 1
        if path in counts:
            path += (counts[path] - 1,)
    return path


def _walk(value: Any, path: TreePath = ()) -> Iterator[tuple[TreePath, Any]]:
    if path:
        yield path, value
    items: Any = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    for key, below in items:
        yield from _walk(below, (*path, key))


def _line_within(statement: str, path: TreePath) -> int:
    """How many lines below the statement's first an inner key stands (inline tables in a list of several lines)."""
    key = next((part for part in reversed(path) if isinstance(part, str)), "")
    index = next((part for part in path if isinstance(part, int)), 0)
    lines = statement.split("\n")
    if len(lines) == 1:
        return 0
    places = [number for number, line in enumerate(lines) if re.search(rf"\b{re.escape(key)}\b[\"']?\s*=", line)]
    return places[min(index, len(places) - 1)] if places else 0
