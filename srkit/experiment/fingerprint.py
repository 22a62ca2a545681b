"""One hash for what an experiment is: equal for two files that train the same way, wherever they and their data lie."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from enum import Enum
from pathlib import Path, PurePosixPath, PureWindowsPath
from typing import Any, get_args, get_type_hints

import msgspec

from srkit.experiment.resolved import FREE_TO_CHANGE
from srkit.experiment.schema import KIND_OF_TABLE, Experiment, Selection, Table
from srkit.registry import KINDS, Component, Kind, NotFound, Registry

__all__ = ["Fingerprint", "experiment_digest", "fingerprint_of"]

METRICS = "validation.metrics"

PATH = "(path)"
"""What stands for a file or folder, which every machine has elsewhere."""


@dataclass(frozen=True)
class Fingerprint:
    """What an experiment is, wherever it lies.

    Attributes:
        sha256: of the values in canonical JSON.
        values: the resolved tree without defaults, paths, and what a resumed run may change.
    """

    sha256: str
    values: dict[str, Any]


def experiment_digest(tree: Mapping[str, Any], registry: Registry, folder: Path = Path()) -> str:
    """The SHA-256 of a resolved experiment in canonical JSON.

    Left out are what a resumed run may change, and every value that is its option's default: an option that a newer
    srkit or plugin adds changes no hash. Paths are not told apart; what lies there has hashes of its own. Options of a
    component out of a user's file all count, so that its code is not loaded.

    Args:
        tree: `experiment.toml` of a run folder, as it is read from there.
        registry: where components' defaults are looked up.
        folder: the run's, whose manifest says what a plain name meant.

    Raises:
        UserError: a component is not here, so its defaults are unknown.
    """
    return fingerprint_of(tree, registry, folder).sha256


def fingerprint_of(tree: Mapping[str, Any], registry: Registry, folder: Path = Path()) -> Fingerprint:
    """`experiment_digest`, with the values that it is of; of the same arguments, with the same errors."""
    lean = _Lean(registry, folder).table(tree, Experiment, "")
    text = json.dumps(_without_paths(lean), sort_keys=True, separators=(",", ":"), default=str)
    return Fingerprint(hashlib.sha256(text.encode()).hexdigest(), json.loads(text))


class _Lean:
    """Takes away from tables what is at its default or free to change."""

    def __init__(self, registry: Registry, folder: Path) -> None:
        self.registry, self.folder = registry, folder

    def table(self, tree: Mapping[str, Any], kind_of: type[Table], path: str) -> dict[str, Any]:
        """A table of the experiment file.

        Args:
            tree: as the file has it.
            kind_of: its keys with their types and defaults.
            path: where it stands, dotted and without numbers.
        """
        fields = {one.name: one for one in msgspec.structs.fields(kind_of) if one.name != "options"}
        tables = _tables_in(kind_of)
        lean: dict[str, Any] = {}
        options: dict[str, Any] = {}
        for key, value in tree.items():
            where = f"{path}.{key}" if path else key
            if key not in fields:
                options[key] = value
                continue
            if _is_free(where):
                continue
            below = tables.get(key)
            found, default = self._value(value, below, where), self._value(_default(fields[key]), below, where)
            if not _equal(found, default):
                lean[key] = _unnamed(found) if _is_path(fields[key].type) else found
        if not issubclass(kind_of, Selection):
            return lean | options
        return lean | self._pick(str(tree.get("use", "")), options, KINDS[KIND_OF_TABLE[path]])

    def _value(self, value: Any, table: type[Table] | None, where: str) -> Any:
        if isinstance(value, Mapping) and table is not None:
            return self.table(value, table, where)
        if isinstance(value, list) and table is not None:
            entries = [self._value(one, table, where) for one in value]
            if where == "stage" and entries and isinstance(entries[-1], dict):
                entries[-1].pop("steps", None)  # it grows with the run's length
            return entries
        if where == "stage.set" and isinstance(value, Mapping):
            return {key: self._set(key, one) for key, one in value.items() if not _is_free(key)}
        if where == METRICS and isinstance(value, list):
            return [self._name(KINDS["metrics"], str(one)) for one in value]
        return value

    def _set(self, key: str, value: Any) -> Any:
        """What a stage sets: it counts where it is the option's default too."""
        table = _tables_in(Experiment)[key] if key == "degradation" else None
        return self._value(value, table, key)

    def _pick(self, use: str, options: Mapping[str, Any], kind: Kind) -> dict[str, Any]:
        """`use` and the options that are not at their default."""
        component = self._component(kind, use)
        if component is None:
            return {"use": use, **options}
        lean: dict[str, Any] = {"use": component.use}
        for key, value in options.items():
            option = component.signature.option(key)
            nested = option.nested if option is not None else None
            default = None if option is None or option.required else option.default
            found = self._option(value, nested)
            if option is not None and _is_path(option.annotation):
                found = _unnamed(found)
            if option is None or option.required or not _equal(found, self._option(_plain(default), nested)):
                lean[key] = found
        return lean

    def _option(self, value: Any, nested: Kind | None) -> Any:
        if nested is None:
            return value
        if isinstance(value, list):
            return [self._option(one, nested) for one in value]
        if isinstance(value, str):
            return self._pick(value, {}, nested)
        if isinstance(value, Mapping) and "use" in value:
            return self._pick(str(value["use"]), {key: one for key, one in value.items() if key != "use"}, nested)
        return value

    def _name(self, kind: Kind, use: str) -> str:
        component = self._component(kind, use)
        return use if component is None else component.use

    def _component(self, kind: Kind, use: str) -> Component | None:
        """The component that a name answers to; None for one of a user's file."""
        if use.rpartition(":")[0].endswith(".py"):
            return None
        try:
            return self.registry.find(kind, use, self.folder)
        except NotFound:
            meant = self.registry.default_of(kind, use)  # of a default nobody wrote whose it is
            if meant == use:
                raise
            return self.registry.find(kind, meant, self.folder)


def _is_free(where: str) -> bool:
    return any(where == free or (free.endswith(".") and f"{where}.".startswith(free)) for free in FREE_TO_CHANGE)


def _tables_in(table: type[Table]) -> dict[str, type[Table]]:
    """The keys of a table that hold tables, or lists of them."""
    hints = get_type_hints(table)
    inner = {key: next((one for one in _types(hint) if issubclass(one, Table)), None) for key, hint in hints.items()}
    return {key: one for key, one in inner.items() if one is not None}


def _types(hint: Any) -> Iterator[type]:
    if isinstance(hint, type):
        yield hint
    for one in get_args(hint):
        yield from _types(one)


def _default(field: msgspec.structs.FieldInfo) -> Any:
    value = field.default if field.default_factory is msgspec.NODEFAULT else field.default_factory()
    return _plain(value)


def _plain(value: Any) -> Any:
    """A default as a TOML file would have it."""
    if isinstance(value, Table):
        plain = {one.name: _plain(getattr(value, one.name)) for one in msgspec.structs.fields(type(value))}
        return {key: one for key, one in plain.items() if one is not None and key != "options"}
    if isinstance(value, (list, tuple)):
        return [_plain(one) for one in value]
    if isinstance(value, Mapping):
        return {str(key): _plain(one) for key, one in value.items() if one is not None}
    if isinstance(value, Enum):
        return value.value
    return str(value) if isinstance(value, Path) else value


def _equal(one: Any, other: Any) -> bool:
    """Whether two values mean the same; True is not 1, and a list that is not there has no entries."""
    if isinstance(one, Mapping) and isinstance(other, Mapping):
        return one.keys() == other.keys() and all(_equal(one[key], other[key]) for key in one)
    if isinstance(one, list) and isinstance(other, list):
        return len(one) == len(other) and all(map(_equal, one, other))
    return isinstance(one, bool) == isinstance(other, bool) and bool(one == other)


def _is_path(annotation: Any) -> bool:
    return Path in _types(annotation)


def _unnamed(value: Any) -> Any:
    """A path, or a list of them, of which it only counts that it is there."""
    if isinstance(value, list):
        return [_unnamed(one) for one in value]
    return PATH if isinstance(value, str) else value


def _without_paths(value: Any) -> Any:
    if isinstance(value, Mapping):
        return {key: _without_paths(one) for key, one in value.items()}
    if isinstance(value, list):
        return [_without_paths(one) for one in value]
    if isinstance(value, str) and (PurePosixPath(value).is_absolute() or PureWindowsPath(value).is_absolute()):
        return PATH
    return value
