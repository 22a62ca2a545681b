"""Dotted keys that change an experiment: `--set` on the command line, a stage's `set`."""

from __future__ import annotations

import copy
from collections.abc import Iterable, Mapping
from typing import Any, NamedTuple

from srkit.errors import ExperimentError, Problem, nearest
from srkit.experiment.escapes import WAY_OUT, escaped_paths, has_backslash
from srkit.experiment.names import entry_names, find_entry, same_use
from srkit.experiment.overlay import drop_options, replace, spell_out, use_at
from srkit.experiment.tables import is_array, table_class, table_keys
from srkit.experiment.tree import Origin, Tree, TreePath
from srkit.toml_files import NotToml, parsed_toml

COMMAND_LINE = "--set"


class Setting(NamedTuple):
    """A dotted key, the value to give it, and where that was written; `below` where what lies inside the value was."""

    key: str
    value: Any
    origin: Origin
    below: Mapping[TreePath, Origin] = {}


def parse_setting(text: str) -> tuple[str, Any]:
    """`KEY=VALUE` -> key and value; the value is TOML, a bare word is a string.

    Raises:
        ExperimentError: there is no key, or no equals sign; or a list, table or quoted text does not end.
    """
    key, equals, value = text.partition("=")
    if not equals or not key.strip():
        hint = "For example generator.channels=64."
        raise ExperimentError([Problem(f"expected KEY=VALUE, found {text!r}.", file=COMMAND_LINE, hint=hint)])
    try:
        parsed = parsed_toml(f"value = {value.strip()}")
    except NotToml as error:
        if value.strip().startswith(("[", "{", '"', "'")):
            message = f"{value.strip()!r} is not a TOML value: {error.why}."
            hint = "Put the whole setting between quotes, so that the shell leaves it as it is."
            hint = f"{WAY_OUT}." if has_backslash(value) else hint
            raise ExperimentError([Problem(message, key.strip(), COMMAND_LINE, hint=hint)]) from None
        parsed = {}
    for where, meant in escaped_paths({key.strip(): parsed["value"]} if len(parsed) == 1 else {}):
        message = f"it holds a line end, a tab or their like; it seems to be the path {meant}."
        raise ExperimentError([Problem(message, ".".join(map(str, where)), COMMAND_LINE, hint=f"{WAY_OUT}.")])
    # more than one key: the text went on in another line
    return key.strip(), parsed["value"] if len(parsed) == 1 else value.strip()


def apply_settings(tree: Tree, settings: Iterable[Setting]) -> list[Problem]:
    """Set dotted paths; entries of arrays are named by their name. Gives the problems of those that lead nowhere."""
    problems = []
    # outer tables first, and of each its `use`: that drops the old component's options, not those set beside it
    ordered = sorted(settings, key=lambda one: (one.key.count("."), one.key.rpartition(".")[2] != "use"))
    # entries are meant by the names they have before anything is set, since a changed `use` would change them; unless
    # the whole array is set as well
    keys = {one.key for one in ordered}
    meant = {key: None if any(key.startswith(f"{one}.") for one in keys) else _resolved(tree, key) for key in keys}
    for key, value, origin, below in ordered:
        try:
            path = meant[key] or _resolve(tree, key)
        except LookupError as error:
            message, hint = error.args
            problems.append(Problem(message, key, origin.file, origin.line, hint))
            continue
        make_tables(tree, path, origin)
        if path[-1] == "use" and not same_use(value, use_at(tree, path[:-1])):
            drop_options(tree, path[:-1])
        tree.put(path, copy.deepcopy(value), origin)  # a value may be set in several trees
        tree.origins |= {(*path, *inside): one for inside, one in below.items()}
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
    if '"' in key or "'" in key:
        hint = 'A key with dots in it goes into a table: matrix={"generator.channels"=[4, 5]}.'
        raise LookupError("a key is words with dots between them, without quotes.", hint)
    if parts[0] == "extends":
        raise LookupError("what a file is laid over is said in the file alone.", "")
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
    replace(tree, path, {"use": tree.get(path)})
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
