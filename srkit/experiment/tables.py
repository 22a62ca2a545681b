"""Which table of the schema a path in an experiment file means, and the keys it has."""

from __future__ import annotations

from typing import Any, get_args, get_origin

import msgspec

from srkit.experiment.schema import Experiment, Selection, Table
from srkit.experiment.tree import TreePath


def table_class(path: TreePath) -> type[Table] | None:
    """The class in the schema of the table at a path; None inside a component's options."""
    cls: type[Table] = Experiment
    for part in path:
        if isinstance(part, int):
            continue
        field = next((one for one in msgspec.structs.fields(cls) if one.name == part), None)
        found = table_in(field.type) if field is not None else None
        if found is None:
            return None
        cls = found
    return cls


def table_in(annotation: Any) -> type[Table] | None:
    """The table class inside an annotation such as `Annotated[list[Loss], ...]`."""
    if isinstance(annotation, type) and issubclass(annotation, Table):
        return annotation
    return next((found for found in map(table_in, get_args(annotation)) if found is not None), None)


def table_keys(path: TreePath) -> list[str]:
    """The keys that the table at a path has of its own."""
    cls = table_class(path)
    if cls is None:
        return []
    names = [field.name for field in msgspec.structs.fields(cls)]
    return [name for name in names if not (issubclass(cls, Selection) and name == "options")]


def is_array(path: TreePath) -> bool:
    """Whether the table at a path is an array of tables."""
    cls = table_class(path[:-1])
    fields = {} if cls is None else {one.name: one.type for one in msgspec.structs.fields(cls)}
    return path[-1] in fields and holds_list(fields[str(path[-1])])


def holds_list(annotation: Any) -> bool:
    """Whether an annotation of the schema is that of an array of tables."""
    if get_origin(annotation) is list:
        return table_in(annotation) is not None
    return any(holds_list(part) for part in get_args(annotation) if not isinstance(part, msgspec.Meta))
