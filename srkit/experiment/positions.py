"""At which line of a TOML text each key, table and array entry stands."""

from __future__ import annotations

import re
from dataclasses import dataclass, field

import tomli

TreePath = tuple[str | int, ...]

_TOKEN = re.compile(
    r"""
    (?P<space>[ \t\r]+ | \#[^\n]*)
  | (?P<newline>\n)
  | (?P<text>\"{3}(?:[^\\"]++ | \\. | \"{1,2}(?!\"))*+\"{3,5}
           | '{3}(?:[^']++ | '{1,2}(?!'))*+'{3,5}
           | "(?:[^\\"\n]++ | \\.)*+"
           | '[^'\n]*+')
  | (?P<sign>[\[\]{}=,])
  | (?P<bare>[^\s\#"'\[\]{}=,]+)
    """,
    re.VERBOSE | re.DOTALL,
)


@dataclass(frozen=True)
class _Token:
    kind: str
    text: str
    line: int


def positions(text: str) -> dict[TreePath, int]:
    """The line, from 1, of everything in a text that tomli has accepted.

    A table has the line of its header, or of the first key that makes it; an array entry that of its first token.
    """
    return _Reader(_tokens(text)).read()


def _tokens(text: str) -> list[_Token]:
    tokens = []
    line = 1
    for match in _TOKEN.finditer(text):
        kind = match.lastgroup or ""
        if kind != "space":
            tokens.append(_Token(kind, match.group(), line))
        line += match.group().count("\n")
    return [*tokens, _Token("newline", "", line)]


@dataclass
class _Reader:
    """Walks through the tokens of a valid text; what is not valid was tomli's to refuse."""

    tokens: list[_Token]
    place: int = 0
    table: TreePath = ()
    lines: dict[TreePath, int] = field(default_factory=dict)
    implied: dict[TreePath, int] = field(default_factory=dict)
    entries: dict[TreePath, int] = field(default_factory=dict)
    """How many entries each array of tables has so far."""

    def read(self) -> dict[TreePath, int]:
        while self.place < len(self.tokens):
            if self._now.kind == "newline":
                self.place += 1
            elif self._now.text == "[":
                self._header()
            else:
                self._assignment(self.table)
        return self.implied | self.lines

    @property
    def _now(self) -> _Token:
        return self.tokens[self.place]

    def _header(self) -> None:
        line = self._now.line
        is_array = self.tokens[self.place + 1].text == "["
        self.place += 2 if is_array else 1
        keys = self._key("]")
        self.place += 2 if is_array else 1
        path: TreePath = ()
        for key in keys:
            self.implied.setdefault(path, line)
            path = self._entry((*path, key))
        if is_array:
            # the last key names the array; this header begins its next entry
            array = path if isinstance(path[-1], str) else path[:-1]
            self.lines.setdefault(array, line)
            self.entries[array] = self.entries.get(array, 0) + 1
            path = self._entry(array)
        self.lines.setdefault(path, line)
        self.table = path

    def _entry(self, path: TreePath) -> TreePath:
        """The path, with the number of the last entry where an array of tables stands there."""
        return (*path, self.entries[path] - 1) if path in self.entries else path

    def _assignment(self, table: TreePath) -> None:
        line = self._now.line
        path = table
        for key in self._key("="):
            self.implied.setdefault(path, line)
            path = (*path, key)
        self.place += 1
        self.lines.setdefault(path, line)
        self._value(path)

    def _key(self, end: str) -> list[str]:
        """The parts of a dotted key that ends before a sign."""
        first = self.place
        while self._now.text != end:
            self.place += 1
        keys: list[str] = []
        level = tomli.loads("".join(one.text for one in self.tokens[first : self.place]) + " = 0")
        while isinstance(level, dict):
            key, level = next(iter(level.items()))
            keys.append(key)
        return keys

    def _value(self, path: TreePath) -> None:
        opening = self._now.text
        if opening == "[":
            self._items("]", path)
        elif opening == "{":
            self._items("}", path)
        else:
            # a date and its time are two tokens
            while self._now.kind in ("text", "bare"):
                self.place += 1

    def _items(self, end: str, path: TreePath) -> None:
        """What stands between brackets: values, or assignments between braces."""
        self.place += 1
        number = 0
        while self._now.text != end:
            if self._now.kind == "newline" or self._now.text == ",":
                self.place += 1
            elif end == "}":
                self._assignment(path)
            else:
                self.lines[(*path, number)] = self._now.line
                self._value((*path, number))
                number += 1
        self.place += 1
