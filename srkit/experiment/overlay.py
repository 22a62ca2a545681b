"""What is laid over an experiment file: the file it `extends`, `--set` on the command line, a stage's `set`."""

from __future__ import annotations

import re
from collections.abc import Iterable
from pathlib import Path
from typing import Any, get_args

import msgspec
import tomli

from srkit.errors import ExperimentError, Problem, nearest
from srkit.experiment.schema import Experiment, Selection, Table
from srkit.experiment.tree import Origin, Tree, TreePath, read_tree
from srkit.registry.kinds import RESERVED_OPTIONS

COMMAND_LINE = "--set"


def read_with_bases(path: Path, shown_as: str = "", chain: tuple[Path, ...] = ()) -> Tree:
    """The file merged over the one it extends: tables merge, an array of tables replaces the whole array."""
    tree = read_tree(path, shown_as)
    base = tree.values.get("extends")
    if base is None:
        return tree
    origin = tree.origin(("extends",))
    if not isinstance(base, str):
        raise _problem("expected the path of an experiment file", "extends", origin)
    target = (path.resolve().parent / base).resolve()
    here = (*chain, path.resolve())
    if target in here:
        circle = " -> ".join(one.name for one in (*here, target))
        raise _problem(f"the files extend each other in a circle: {circle}", "extends", origin)
    if not target.is_file():
        raise _problem(f"there is no file {target}", "extends", origin)
    tree.drop(("extends",))
    lower = read_with_bases(target, str(target), here)
    _merge(lower, tree, ())
    lower.origins[()] = tree.origins[()]
    return lower


def _problem(message: str, key: str, origin: Origin, hint: str = "") -> ExperimentError:
    return ExperimentError([Problem(message, key, origin.file, origin.line, hint)])


def _merge(lower: Tree, upper: Tree, path: TreePath) -> None:
    """Lay `upper`'s table at `path` over `lower`'s."""
    table = upper.get(path)
    if "use" in table and "use" in lower.get(path) and table["use"] != lower.get(path)["use"]:
        drop_options(lower, path)
    for key, value in table.items():
        where = (*path, key)
        old = lower.get(path).get(key)
        if isinstance(value, dict) and isinstance(old, dict):
            _merge(lower, upper, where)
            if where in upper.origins:
                lower.origins[where] = upper.origins[where]
        else:
            lower.put(where, value, upper.origin(where))
            for one, origin in upper.origins.items():
                if one[: len(where)] == where:
                    lower.origins[one] = origin


def drop_options(tree: Tree, path: TreePath) -> None:
    """Forget the options that came with a component, keeping what belongs to its table."""
    kept = {*RESERVED_OPTIONS, *table_keys(path)}
    for key in [key for key in tree.get(path) if key not in kept]:
        tree.drop((*path, key))


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


def parse_setting(text: str) -> tuple[str, Any]:
    """`KEY=VALUE` -> key and value; the value is TOML, a bare word is a string."""
    key, equals, value = text.partition("=")
    if not equals or not key.strip():
        raise ExperimentError([Problem(f"expected KEY=VALUE, found {text!r}", file=COMMAND_LINE)])
    try:
        return key.strip(), tomli.loads(f"value = {value.strip()}")["value"]
    except tomli.TOMLDecodeError:
        return key.strip(), value.strip()


def apply_settings(tree: Tree, settings: Iterable[tuple[str, Any]], origin: Origin) -> list[Problem]:
    """Set dotted paths; entries of arrays are named by their name. Gives the problems of those that lead nowhere."""
    problems = []
    # a `use` first: it drops the old component's options, not those set beside it
    for key, value in sorted(settings, key=lambda pair: not pair[0].endswith("use")):
        try:
            path = _resolve(tree, key)
        except LookupError as error:
            message, hint = error.args
            problems.append(Problem(message, key, origin.file, origin.line, hint))
            continue
        if path[-1] == "use" and value != _existing(tree, path):
            drop_options(tree, path[:-1])
        tree.put(path, value, origin)
    return problems


def _existing(tree: Tree, path: TreePath) -> Any:
    try:
        return tree.get(path)
    except LookupError:
        return None


def _resolve(tree: Tree, key: str) -> TreePath:
    """The path a dotted key means; tables on the way that do not exist yet are made."""
    path: TreePath = ()
    value: Any = tree.values
    parts = key.split(".")
    for position, part in enumerate(parts):
        is_last = position == len(parts) - 1
        if isinstance(value, list):
            if is_last:
                raise LookupError("this names a whole entry; set one of its keys", f"For example {key}.weight=0.5")
            index = find_entry(value, part)
            if index is None:
                names = entry_names(value)
                raise LookupError(
                    f"no entry is called {part!r}; there are: {', '.join(names) or 'none'}.", nearest(part, names)
                )
            path, value = (*path, index), value[index]
        elif isinstance(value, dict):
            path = (*path, part)
            if is_last:
                break
            if part not in value:
                if not isinstance(path[0], str) or (table_class(path) is None and len(path) == 1):
                    raise LookupError(f"there is no table [{part}].", nearest(part, table_keys(())))
                value[part] = {}
            value = value[part]
            if isinstance(value, str) and path in (("data", "train"), ("data", "validate")):
                tree.put(path, {"use": "folder", "path": value}, tree.origin(path))
                value = tree.get(path)
        else:
            raise LookupError(f"{'.'.join(parts[:position])} is a value, not a table", "")
    return path


def entry_names(entries: list[Any]) -> list[str]:
    """The names of an array's entries: `name`, else `use`'s last part, then `vgg16-2`."""
    names: list[str] = []
    for number, entry in enumerate(entries, 1):
        if not isinstance(entry, dict):
            names.append(str(number))
            continue
        if isinstance(entry.get("name"), str) and entry["name"]:
            names.append(entry["name"])
            continue
        stem = re.split(r"[:/]", str(entry.get("use", number)))[-1]
        taken = [name for name in names if name == stem or re.fullmatch(rf"{re.escape(stem)}-\d+", name)]
        names.append(f"{stem}-{len(taken) + 1}" if taken else stem)
    return names


def find_entry(entries: list[Any], part: str) -> int | None:
    """The entry of that name; entries without names (stages, groups) are counted from 1."""
    names = entry_names(entries)
    if part in names:
        return names.index(part)
    return None
