"""The keys of an experiment file, walked through from the types that `srkit.experiment.schema` gives them."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Annotated, Any, get_args, get_origin

import msgspec
from msgspec.structs import FieldInfo

from srkit.experiment.schema import KIND_OF_TABLE, Experiment, Table
from srkit.registry.values import expected


@dataclass(frozen=True)
class Key:
    """One key: its name, what it may hold in words, its default as JSON (empty for none), its sentence."""

    name: str
    type: str
    required: bool
    default: str
    doc: str


@dataclass(frozen=True)
class KeyTable:
    """One table of an experiment file.

    Attributes:
        path: its dotted path; empty for the top of the file.
        many: whether it is an array of tables.
        about: the first words of its class's docstring where they say more than its name.
        kind: the kind of component it picks, whose options are further keys of it; empty where it picks none.
        keys: its keys, those that are tables themselves left out.
    """

    path: str
    many: bool
    about: str
    kind: str
    keys: tuple[Key, ...]

    @property
    def heading(self) -> str:
        if not self.path:
            return "at the top"
        return f"[[{self.path}]]" if self.many else f"[{self.path}]"


EXTENDS = Key("extends", "a path", False, "", "Another experiment file this one is laid over.")
MATRIX = Key(
    "matrix",
    "a table of lists",
    False,
    "",
    "A study: one run for each combination of these alternatives, by their dotted keys.",
)
LAUNCHER = Key(
    "launcher", "text or a table", False, "", "Where the runs of a study are executed (`srkit list launchers`)."
)
FILE_KEYS = (EXTENDS, MATRIX, LAUNCHER)
"""Keys that are gone before the file's values are typed."""


def tables() -> list[KeyTable]:
    """Every table, the top of the file first, each before those inside it."""
    return list(_walk(Experiment, "", many=False, about=""))


def _walk(table: type[Table], path: str, *, many: bool, about: str) -> Iterator[KeyTable]:
    fields = [one for one in msgspec.structs.fields(table) if one.name != "options"]
    inner = {one.name: _table_in(one.type) for one in fields}
    keys = tuple(_key(one) for one in fields if not _is_table_alone(one.type))
    if not path:
        keys = (*FILE_KEYS, *keys)
    yield KeyTable(path, many, about, KIND_OF_TABLE.get(path, ""), keys)
    for one in fields:
        found = inner[one.name]
        if found is not None and _is_table_alone(one.type):
            yield from _walk(
                found, f"{path}.{one.name}" if path else one.name, many=_is_list(one.type), about=_sentence(one.type)
            )


def _key(field: FieldInfo) -> Key:
    return Key(field.name, _in_words(field.type), field.required, _default(field), _sentence(field.type))


def _in_words(annotation: Any) -> str:
    return _without_tables(annotation) if _table_in(annotation) else expected(annotation)


def _without_tables(annotation: Any) -> str:
    """A number or a table of numbers, such as `lr`: the table by its keys."""
    words = []
    for part in _parts(annotation):
        if _is_struct(part):
            keys = ", ".join(one.name for one in msgspec.structs.fields(part))
            words.append(f"a table of {keys}")
        elif part is not type(None):
            words.append(expected(part))
    return " or ".join(words)


def _default(field: FieldInfo) -> str:
    if field.required:
        return ""
    value = field.default if field.default is not msgspec.NODEFAULT else field.default_factory()
    return "" if value is None or value == "" else json.dumps(value)


def _sentence(annotation: Any) -> str:
    metas = get_args(annotation)[1:] if get_origin(annotation) is Annotated else ()
    return next((meta.description for meta in metas if isinstance(meta, msgspec.Meta) and meta.description), "")


def _parts(annotation: Any) -> list[Any]:
    if get_origin(annotation) is Annotated:
        return _parts(get_args(annotation)[0])
    arguments = get_args(annotation)
    return list(arguments) if type(None) in arguments or len(arguments) > 1 else [annotation]


def _is_struct(annotation: Any) -> bool:
    return isinstance(annotation, type) and issubclass(annotation, Table)


def _is_list(annotation: Any) -> bool:
    return any(get_origin(part) is list for part in _parts(annotation))


def _table_in(annotation: Any) -> type[Table] | None:
    for part in _parts(annotation):
        inner = get_args(part)[0] if get_origin(part) is list else part
        if _is_struct(inner):
            return inner  # type: ignore[no-any-return]  # narrowed by _is_struct
    return None


def _is_table_alone(annotation: Any) -> bool:
    """Whether the key is written as a table of its own, rather than as a value that may be a small table (`lr`)."""
    others = [part for part in _parts(annotation) if part is not type(None)]
    return _table_in(annotation) is not None and len(others) == 1
