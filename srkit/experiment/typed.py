"""From the plain tree to the schema's typed values; every problem is kept, none ends the reading."""

from __future__ import annotations

import math
from difflib import get_close_matches
from typing import Annotated, Any, Union, get_args, get_origin

import msgspec

from srkit.errors import Problem, in_line_order, nearest
from srkit.experiment.names import entry_names
from srkit.experiment.schema import Selection, Table
from srkit.experiment.tables import holds_list, table_in, table_keys
from srkit.experiment.tree import Tree, TreePath
from srkit.registry.values import BadValue, convert, found


class Typing:
    """One reading of a tree.

    Attributes:
        problems: what did not fit, in the order in which it was found.
        faulty: the paths of the tables and values that are not to be relied on.
    """

    def __init__(self, tree: Tree) -> None:
        self.tree = tree
        self.problems: list[Problem] = []
        self.faulty: set[TreePath] = set()

    def add(self, path: TreePath, message: str, hint: str = "") -> None:
        """Keep a problem of the value at a path."""
        origin = self.tree.origin(path)
        self.report(path, Problem(message, dotted(path, self.tree), origin.file, origin.line, hint))

    def in_line_order(self) -> list[Problem]:
        """What did not fit, as a reader of the files meets it: the experiment's own first, then what it extends."""
        return in_line_order(self.problems, self.tree.files)

    def contradict(self, path: TreePath, message: str, hint: str = "") -> None:
        """Keep a problem of values that do not go together, each of which may be relied on."""
        origin = self.tree.origin(path)
        problem = Problem(message, dotted(path, self.tree), origin.file, origin.line, hint)
        if problem not in self.problems:
            self.problems.append(problem)

    def report(self, path: TreePath, problem: Problem) -> None:
        """Keep a problem, once; what is at the path is not to be relied on."""
        if problem not in self.problems:
            self.problems.append(problem)
        self.faulty.add(path)

    def problems_at(self, path: TreePath) -> list[Problem]:
        """Those of the table at this path."""
        key = dotted(path, self.tree)
        return [one for one in self.problems if one.key == key or one.key.startswith(f"{key}.")]

    def is_faulty(self, path: TreePath) -> bool:
        """Whether something at this path or below it did not fit, or was meant by a key that nobody knows."""
        return any(one[: len(path)] == path for one in self.faulty)

    def table(self, cls: type[Table], value: Any, path: TreePath) -> Any:
        """A table as its class. Keys that do not fit have their defaults; a required one that is absent is None."""
        if not isinstance(value, dict):
            what = 'a component\'s name, or a table with use = "..."' if issubclass(cls, Selection) else "a table"
            self.add(path, f"found {found(value)}, expected {what}.")
            return cls(**{field.name: _stand_in(field) for field in msgspec.structs.fields(cls)})
        fields = {field.name: field for field in msgspec.structs.fields(cls)}
        options_allowed = fields.pop("options", None) is not None and issubclass(cls, Selection)
        values: dict[str, Any] = {}
        options: dict[str, Any] = {}
        for key, below in value.items():
            if key in fields:
                values[key] = self.value(fields[key], below, (*path, key))
            elif options_allowed:
                options[key] = below
            else:
                self._unknown_key(key, value, path)
        for name, field in fields.items():
            if name not in value and field.required and (*path, name) not in self.faulty:
                self.add(path, f"{name!r} is missing; {MISSING[name]}.", _meant(name, options))
            if values.get(name, msgspec.UNSET) is msgspec.UNSET:
                values[name] = _stand_in(field)
        if options_allowed:
            values["options"] = options
        return cls(**values)

    def _unknown_key(self, key: str, table: dict[str, Any], path: TreePath) -> None:
        """Report it, unless nearer to nothing; what it was meant for is not reported as missing besides."""
        keys = table_keys(path) if path else [*table_keys(path), *FILE_KEYS]
        self.add((*path, key), "unknown key.", nearest(key, keys) or f"Known: {', '.join(keys)}.")
        for meant in get_close_matches(key, [one for one in keys if one not in table], n=1):
            self.faulty.add((*path, meant))

    def value(self, field: Any, value: Any, path: TreePath) -> Any:
        table, annotation = table_in(field.type), field.type
        if table is not None and holds_list(annotation):
            return self._tables(table, value, path)
        if table is not None and (isinstance(value, dict) or not _takes_number(annotation)):
            return self.table(table, value, path)
        try:
            converted = convert(value, _without_table(annotation), self.tree.origin(path).folder)
        except BadValue as error:
            self.add(path, str(error), error.hint)
            return msgspec.UNSET
        if isinstance(converted, float) and not math.isfinite(converted):
            self.add(path, f"found {converted}, expected a finite number.")
            return msgspec.UNSET
        return converted

    def _tables(self, cls: type[Table], value: Any, path: TreePath) -> list[Any]:
        if not isinstance(value, list):
            name = path[-1]
            self.add(path, f"found {found(value)}, expected an array of tables.", f"Write [[{name}]], not [{name}].")
            return []
        entries = [self.table(cls, entry, (*path, index)) for index, entry in enumerate(value)]
        if hasattr(cls, "name"):
            for entry, name in zip(entries, entry_names(value), strict=True):
                entry.name = name
        return entries


FILE_KEYS = ("extends", "matrix", "launcher")
"""Keys of a file that are no part of an experiment; they are gone before it is typed."""

MISSING = {
    "scale": "write scale = 2",
    "data": 'write [data] and train = "a/folder/of/photos"',
    "generator": 'write [generator] and use = "espcn"',
    "train": 'write train = "a/folder/of/photos"',
    "use": "it names the component",
    "match": 'it names parameters, such as "pixel_shuffle.*"',
    "rollback": "write rollback = 3",
}
"""What to write for each key that must be there."""


def _meant(name: str, options: dict[str, Any]) -> str:
    """A hint where a table that takes any key has one that was probably meant."""
    close = get_close_matches(name, options, n=1)
    return f"Is it meant by {close[0]!r}?" if close else ""


def _stand_in(field: Any) -> Any:
    """What a value has that could not be read: its default, None where it must be given."""
    if field.required:
        return None
    return field.default_factory() if field.default is msgspec.NODEFAULT else field.default


def _takes_number(annotation: Any) -> bool:
    return annotation is float or any(_takes_number(part) for part in get_args(annotation))


def _without_table(annotation: Any) -> Any:
    """`float | LearningRates | None` -> `float | None`, bounds kept."""
    if table_in(annotation) is None:
        return annotation
    if get_origin(annotation) is Annotated:
        inner, *metas = get_args(annotation)
        return Annotated[(_without_table(inner), *metas)]
    return Union[tuple(part for part in get_args(annotation) if table_in(part) is None)]  # noqa: UP007  (made at run time)


def dotted(path: TreePath, tree: Tree) -> str:
    """A path as a user would type it, entries by their name."""
    words: list[str] = []
    for position, part in enumerate(path):
        if isinstance(part, int):
            try:
                words.append(entry_names(tree.get(path[:position]))[part])
            except (LookupError, TypeError):
                words.append(str(part + 1))
        else:
            words.append(part)
    return ".".join(words)
