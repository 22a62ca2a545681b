"""What is laid over an experiment file: the file it `extends`, `--set` on the command line, a stage's `set`."""

from __future__ import annotations

import os
import re
from collections.abc import Iterable
from pathlib import Path
from typing import Any, get_args, get_origin

import msgspec
import tomli

from srkit.errors import ExperimentError, Problem, nearest
from srkit.experiment.schema import KIND_OF_TABLE, Experiment, OtherOptimizer, Selection, Table
from srkit.experiment.tree import Origin, Tree, TreePath, read_tree
from srkit.registry.kinds import RESERVED_OPTIONS
from srkit.registry.values import found

COMMAND_LINE = "--set"


def read_with_bases(path: Path, shown_as: str = "", chain: tuple[Path, ...] = ()) -> Tree:
    """The file merged over the one it extends: tables merge, an array of tables replaces the whole array."""
    tree = read_tree(path, shown_as)
    base = tree.values.get("extends")
    spell_out(tree)
    if base is None:
        return tree
    origin = tree.origin(("extends",))
    if not isinstance(base, str):
        raise _problem(f"found {found(base)}, expected the path of an experiment file.", "extends", origin)
    target = (path.resolve().parent / base).resolve()
    here = (*chain, path.resolve())
    if target in here:
        circle = " -> ".join(one.name for one in (*here, target))
        raise _problem(f"the files extend each other in a circle: {circle}.", "extends", origin)
    if not target.is_file():
        raise _problem(f"there is no file {target}.", "extends", origin)
    tree.drop(("extends",))
    lower = read_with_bases(target, os.path.normpath(Path(shown_as or path).parent / base), here)
    _merge(lower, tree, ())
    lower.origins[()] = tree.origins[()]
    return lower


def _problem(message: str, key: str, origin: Origin, hint: str = "") -> ExperimentError:
    return ExperimentError([Problem(message, key, origin.file, origin.line, hint)])


def _merge(lower: Tree, upper: Tree, path: TreePath) -> None:
    """Lay `upper`'s table at `path` over `lower`'s."""
    table = upper.get(path)
    if "use" in table and table["use"] != _use_at(lower, path):
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


def _use_at(tree: Tree, path: TreePath) -> Any:
    """The component of the table at a path: the one written, or the table's default."""
    try:
        written = tree.get(path).get("use")
    except LookupError:
        written = None
    cls = table_class(path)
    default = getattr(cls(), "use", None) if cls is not None and issubclass(cls, OtherOptimizer) else None
    return default if written is None else written


def spell_out(tree: Tree) -> None:
    """Write the short forms as tables: `generator = "espcn"`, `train = "photos"`, `pixel_loss = ["mse", "l1"]`."""
    for dotted_path in KIND_OF_TABLE:
        path = tuple(dotted_path.split("."))
        try:
            value = tree.get(path)
        except (LookupError, TypeError):
            continue
        if path[0] == "data" and isinstance(value, (str, list)):
            _replace(tree, path, {"use": "folder", "path": value})
        elif isinstance(value, str) and not is_array(path):
            _replace(tree, path, {"use": value})
        elif isinstance(value, list):
            for index, entry in enumerate(value):
                if isinstance(entry, str):
                    _replace(tree, (*path, index), {"use": entry})


def _replace(tree: Tree, path: TreePath, value: Any) -> None:
    """Put another value where it was, keeping the origins."""
    tree.get(path[:-1])[path[-1]] = value


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
    """`KEY=VALUE` -> key and value; the value is TOML, a bare word is a string.

    Raises:
        ExperimentError: there is no key, or no equals sign.
    """
    key, equals, value = text.partition("=")
    if not equals or not key.strip():
        hint = "For example generator.channels=64."
        raise ExperimentError([Problem(f"expected KEY=VALUE, found {text!r}.", file=COMMAND_LINE, hint=hint)])
    try:
        parsed = tomli.loads(f"value = {value.strip()}")
    except tomli.TOMLDecodeError:
        parsed = {}
    # more than one key: the text went on in another line
    return key.strip(), parsed["value"] if len(parsed) == 1 else value.strip()


def apply_settings(tree: Tree, settings: Iterable[tuple[str, Any, Origin]]) -> list[Problem]:
    """Set dotted paths; entries of arrays are named by their name. Gives the problems of those that lead nowhere."""
    problems = []
    # outer tables first, and of each its `use`: that drops the old component's options, not those set beside it
    ordered = sorted(settings, key=lambda one: (one[0].count("."), one[0].rpartition(".")[2] != "use"))
    # entries are meant by the names they have before anything is set, since a changed `use` would change them; unless
    # the whole array is set as well
    keys = {key for key, _, _ in ordered}
    meant = {key: None if any(key.startswith(f"{one}.") for one in keys) else _resolved(tree, key) for key in keys}
    for key, value, origin in ordered:
        try:
            path = meant[key] or _resolve(tree, key)
        except LookupError as error:
            message, hint = error.args
            problems.append(Problem(message, key, origin.file, origin.line, hint))
            continue
        make_tables(tree, path, origin)
        if path[-1] == "use" and value != _use_at(tree, path[:-1]):
            drop_options(tree, path[:-1])
        tree.put(path, value, origin)
        spell_out(tree)
    return problems


def _resolved(tree: Tree, key: str) -> TreePath | None:
    try:
        return _resolve(tree, key)
    except LookupError:
        return None


def make_tables(tree: Tree, path: TreePath, origin: Origin) -> None:
    """Make the tables on the way to a path that do not exist yet."""
    table: Any = tree.values
    for length, part in enumerate(path[:-1], 1):
        if isinstance(table, dict) and part not in table:
            tree.put(path[:length], {}, origin)
        table = table[part]


def _resolve(tree: Tree, key: str) -> TreePath:
    """The path that a dotted key means.

    Raises:
        LookupError: it means none; with message and hint.
    """
    path: TreePath = ()
    value: Any = tree.values
    parts = key.split(".")
    if not all(parts):
        raise LookupError("a key is words with dots between them.", "For example generator.channels.")
    for position, part in enumerate(parts):
        is_last = position == len(parts) - 1
        if isinstance(value, list):
            index = _entry(value, part, key, is_last=is_last)
            path, value = (*path, index), value[index]
            if isinstance(value, str):
                value = _as_table(tree, path)
            continue
        if not isinstance(value, dict):
            raise LookupError(f"{'.'.join(parts[:position])} is a value, not a table.", "")
        path = (*path, part)
        if is_last:
            break
        if _is_field(path) and table_class(path) is None:
            raise LookupError(f"{'.'.join(parts[: position + 1])} is a value, not a table.", "")
        if part not in value and len(path) == 1 and table_class(path) is None:
            raise LookupError(f"there is no table [{part}].", nearest(part, table_keys(())))
        value = value.get(part, [] if is_array(path) else {})
        if isinstance(value, str) and table_class(path) is None and len(path) > 1:
            value = _as_table(tree, path)
    return path


def _as_table(tree: Tree, path: TreePath) -> dict[str, Any]:
    """A component that an option names by a mere text, as the table it stands for."""
    _replace(tree, path, {"use": tree.get(path)})
    table: dict[str, Any] = tree.get(path)
    return table


def _is_field(path: TreePath) -> bool:
    """Whether a path is a value of the schema and not a component's option."""
    cls = table_class(path[:-1])
    return cls is not None and path[-1] in table_keys(path[:-1])


def _entry(entries: list[Any], part: str, key: str, *, is_last: bool) -> int:
    if entries and not isinstance(entries[0], (dict, str)):
        raise LookupError("a list is set as a whole.", f"For example {key.rpartition('.')[0]}=[...].")
    index = find_entry(entries, part)
    names = entry_names(entries)
    if index is None:
        raise LookupError(
            f"no entry is called {part!r}; there are: {', '.join(names) or 'none'}.", nearest(part, names)
        )
    if is_last:
        raise LookupError("this names a whole entry; set one of its keys.", f"For example {key}.weight=0.5.")
    return index


def entry_names(entries: list[Any]) -> list[str]:
    """The names of an array's entries: `name`, else the last part of `use`, then `vgg16-2`, whatever is still free."""
    written = [entry.get("name") if isinstance(entry, dict) else None for entry in entries]
    taken = {name for name in written if isinstance(name, str)}
    names: list[str] = []
    for number, (entry, name) in enumerate(zip(entries, written, strict=True), 1):
        if not isinstance(name, str) or not name:
            use = entry.get("use", number) if isinstance(entry, dict) else entry
            name = _free(short_name(use) if isinstance(use, str) else str(number), taken)
            taken.add(name)
        names.append(name)
    return names


def short_name(use: str) -> str:
    """What an entry is called by its `use`: `vgg16` of `srkit:vgg16`, `Net` of `./file.py:Net`.

    >>> short_name("package.module:Outer.Net")
    'Net'
    """
    return re.split(r"[:/.]", use.removesuffix(".py"))[-1]


def _free(stem: str, taken: set[str]) -> str:
    number, name = 1, stem
    while name in taken:
        number += 1
        name = f"{stem}-{number}"
    return name


def find_entry(entries: list[Any], part: str) -> int | None:
    """The entry of that name; entries without names (stages, groups) are counted from 1."""
    names = entry_names(entries)
    if part in names:
        return names.index(part)
    return None
