"""From the plain tree to the schema's typed values; every problem is kept, none ends the reading."""

from __future__ import annotations

from typing import Any, get_args, get_origin

import msgspec

from srkit.errors import Problem, nearest
from srkit.experiment.overlay import entry_names, table_in, table_keys
from srkit.experiment.schema import Selection, Table
from srkit.experiment.tree import Tree, TreePath
from srkit.registry.values import BadValue, convert, found


class Typing:
    """One reading of a tree.

    Attributes:
        problems: what did not fit, in the order of the schema.
        faulty: the paths of the tables and values that are not to be relied on.
    """

    def __init__(self, tree: Tree) -> None:
        self.tree = tree
        self.problems: list[Problem] = []
        self.faulty: set[TreePath] = set()

    def add(self, path: TreePath, message: str, hint: str = "") -> None:
        origin = self.tree.origin(path)
        self.problems.append(Problem(message, dotted(path, self.tree), origin.file, origin.line, hint))
        self.faulty.add(path)

    def is_faulty(self, path: TreePath) -> bool:
        """Whether something at this path or below it did not fit."""
        return any(one[: len(path)] == path for one in self.faulty)

    def table(self, cls: type[Table], value: Any, path: TreePath) -> Any:
        """A table as its class. Keys that do not fit have their defaults; a required one that is absent is None."""
        if isinstance(value, (str, list)) and issubclass(cls, Selection):
            value = self._selection_of(value, path)
        if not isinstance(value, dict):
            self.add(path, f"found {found(value)}, expected a table")
            value = {}
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
                keys = table_keys(path)
                self.add((*path, key), "unknown key.", nearest(key, keys) or f"Known: {', '.join(keys)}.")
        for name, field in fields.items():
            if name not in value and field.required:
                self.add(path, f"{name!r} is missing{_missing_hint(name)}")
            if values.get(name, msgspec.UNSET) is msgspec.UNSET:
                values[name] = None if field.required else _default(field)
        if options_allowed:
            values["options"] = options
        return cls(**values)

    def value(self, field: Any, value: Any, path: TreePath) -> Any:
        table, annotation = table_in(field.type), field.type
        if table is not None and _is_list(annotation):
            return self._tables(table, value, path)
        takes_other = table is not None and _takes_number(annotation) and not isinstance(value, dict)
        if table is not None and not takes_other:
            return self.table(table, value, path)
        try:
            return convert(value, _without_table(annotation), self.tree.origin(path).folder)
        except BadValue as error:
            self.add(path, str(error), error.hint)
            return msgspec.UNSET

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

    def _selection_of(self, value: str | list[Any], path: TreePath) -> Any:
        if path[:1] == ("data",):
            return {"use": "folder", "path": value}
        if isinstance(value, str):
            return {"use": value}
        return value


def _missing_hint(name: str) -> str:
    examples = {
        "scale": "; write scale = 2",
        "data": "; write a [data] table with train = ...",
        "generator": '; write [generator] and use = "espcn"',
        "train": '; write train = "a/folder/of/photos"',
        "use": "; it names the component",
    }
    return examples.get(name, "")


def _default(field: Any) -> Any:
    return field.default_factory() if field.default is msgspec.NODEFAULT else field.default


def _is_list(annotation: Any) -> bool:
    if get_origin(annotation) is list:
        return True
    return any(_is_list(part) for part in get_args(annotation) if not isinstance(part, msgspec.Meta))


def _takes_number(annotation: Any) -> bool:
    return annotation is float or any(_takes_number(part) for part in get_args(annotation))


def _without_table(annotation: Any) -> Any:
    """`float | LearningRates | None` -> `float | None`, bounds kept."""
    if table_in(annotation) is None:
        return annotation
    return float | None


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
