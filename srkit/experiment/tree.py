"""An experiment file as a plain tree in which every value knows the file and line it came from."""

from __future__ import annotations

import copy
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from srkit.errors import ExperimentError, Problem, UserError
from srkit.experiment.escapes import WAY_OUT, escaped_paths, has_backslash
from srkit.experiment.positions import TreePath, positions
from srkit.plain_files import plain_text
from srkit.toml_files import NotToml, parsed_toml

__all__ = ["Origin", "Tree", "TreePath", "read_tree"]


@dataclass(frozen=True)
class Origin:
    """Where a value was written.

    Attributes:
        file: the file as it was named, or `--set`.
        line: the line in it, from 1; None for `--set`.
        folder: what relative paths in the value are relative to.
        typed: whether it was typed on the command line, in no file at all.
    """

    file: str
    line: int | None
    folder: Path
    typed: bool = False


@dataclass
class Tree:
    """Values and, by their path, their origins. A path without one of its own has that of its nearest ancestor.

    Attributes:
        files: those it was read from, each before the one it extends.
    """

    values: dict[str, Any]
    origins: dict[TreePath, Origin] = field(default_factory=dict)
    files: list[str] = field(default_factory=list)

    def origin(self, path: TreePath) -> Origin:
        for length in range(len(path), -1, -1):
            if path[:length] in self.origins:
                return self.origins[path[:length]]
        return Origin("", None, Path.cwd())

    def folders(self, path: TreePath) -> list[Path]:
        """The folders of the files that have a say in what stands at a path: the first file, and those it came from."""
        below = [one for where, one in self.origins.items() if where[: len(path)] == path]
        found = [self.origin(()), self.origin(path), *below]
        return list(dict.fromkeys(one.folder for one in found if not one.typed))

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
        return Tree(copy.deepcopy(self.values), dict(self.origins), list(self.files))


def read_tree(path: Path, shown_as: str = "", what: str = "experiment file") -> Tree:
    """Parse one file of TOML.

    Args:
        path: the file.
        shown_as: how messages name it; as `path` does where that is empty.
        what: what messages call it where it isn't there.

    Raises:
        UserError: it cannot be read.
        ExperimentError: it is not TOML, or not UTF-8; with the line.
    """
    shown = shown_as or str(path)
    try:
        text = plain_text(path, "utf-8-sig")  # editors on Windows begin a file with a mark
    except FileNotFoundError:
        raise UserError(f"there is no {what} {shown}") from None
    except UnicodeDecodeError as error:
        raise ExperimentError([_not_utf8(error, shown)]) from None
    except OSError as error:
        raise UserError(f"{shown} cannot be read: {error.strerror or error}") from None
    if "\0" in text:
        raise ExperimentError([Problem(UTF_16, file=shown)])
    try:
        values = parsed_toml(text)
    except NotToml as error:
        raise ExperimentError([_not_toml(error, text, shown)]) from None
    folder = path.resolve().parent
    origins: dict[TreePath, Origin] = {(): Origin(shown, None, folder)}
    origins |= {where: Origin(shown, line, folder) for where, line in positions(text).items() if where}
    wrong = [
        Problem(
            f"it holds a line end, a tab or their like; it seems to be the path {meant}.",
            ".".join(map(str, where)),
            shown,
            next((origins[where[:n]].line for n in range(len(where), 0, -1) if where[:n] in origins), None),
            f"{WAY_OUT}.",
        )
        for where, meant in escaped_paths(values)
    ]
    if wrong:
        raise ExperimentError(wrong)
    return Tree(values, origins, [shown])


SHOWN = 200
"""Characters of a wrong line that are shown."""

_TWICE = ("Cannot overwrite a value", "Cannot declare")


UTF_16 = "it is written in UTF-16; TOML is UTF-8. Save it again with the encoding UTF-8."


def _not_utf8(error: UnicodeDecodeError, shown: str) -> Problem:
    """What a file is written in that is not UTF-8, as far as its bytes tell, and the way out."""
    content: bytes = error.object
    if content[:2] in (b"\xff\xfe", b"\xfe\xff") or content[:200].count(0) > len(content[:200]) // 4:
        return Problem(UTF_16, file=shown)
    if b"\0" in content:
        return Problem("it cannot be read: it is no text.", file=shown)
    line = content.count(b"\n", 0, error.start) + 1
    text = content.split(b"\n")[line - 1].decode("latin-1").strip()[:SHOWN]
    printable = "".join(one if one.isprintable() else "?" for one in text)
    hint = "It may be latin-1 (Windows-1252): save the file again with the encoding UTF-8."
    return Problem(f"not UTF-8: {printable}.", file=shown, line=line, hint=hint)


def _not_toml(error: NotToml, text: str, shown: str) -> Problem:
    """What is wrong, with the line it is in: a key that stands twice is not named by tomli."""
    lines = text.splitlines()
    line = lines[error.line - 1].strip()[:SHOWN] if error.line is not None and error.line <= len(lines) else ""
    what = "this was already set above" if error.why.startswith(_TWICE) else error.why
    hint = f"{WAY_OUT}." if has_backslash(line) else ""
    return Problem(f"not TOML: {what}: {line}" if line else f"not TOML: {what}", file=shown, line=error.line, hint=hint)
