"""A file laid over the one it `extends`, and the short forms of tables written out."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

from srkit.errors import ExperimentError, Problem
from srkit.experiment.names import same_use
from srkit.experiment.schema import KIND_OF_TABLE, OtherOptimizer
from srkit.experiment.tables import is_array, table_class, table_keys
from srkit.experiment.tree import Origin, Tree, TreePath, read_tree
from srkit.registry.kinds import RESERVED_OPTIONS
from srkit.registry.values import found

FOLDERS = "srkit:folder"
"""What a plain path, or a list of them, means where images are wanted."""


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
    lower.files[:0] = tree.files
    return lower


def _problem(message: str, key: str, origin: Origin, hint: str = "") -> ExperimentError:
    return ExperimentError([Problem(message, key, origin.file, origin.line, hint)])


def _merge(lower: Tree, upper: Tree, path: TreePath) -> None:
    """Lay `upper`'s table at `path` over `lower`'s."""
    table = upper.get(path)
    if "use" in table and not same_use(table["use"], use_at(lower, path)):
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


def use_at(tree: Tree, path: TreePath) -> Any:
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
    if isinstance(tree.values.get("init"), str):
        replace(tree, ("init",), {"generator": tree.values["init"]})
    for dotted_path in KIND_OF_TABLE:
        path = tuple(dotted_path.split("."))
        try:
            value = tree.get(path)
        except (LookupError, TypeError):
            continue
        if path[0] == "data" and isinstance(value, (str, list)):
            replace(tree, path, {"use": FOLDERS, "path": value})
        elif isinstance(value, str) and not is_array(path):
            replace(tree, path, {"use": value})
        elif isinstance(value, list):
            for index, entry in enumerate(value):
                if isinstance(entry, str):
                    replace(tree, (*path, index), {"use": entry})


def replace(tree: Tree, path: TreePath, value: Any) -> None:
    """Put another value where it was, keeping the origins."""
    tree.get(path[:-1])[path[-1]] = value


def drop_options(tree: Tree, path: TreePath) -> None:
    """Forget the options that came with a component, keeping what belongs to its table."""
    kept = {*RESERVED_OPTIONS, *table_keys(path)}
    for key in [key for key in tree.get(path) if key not in kept]:
        tree.drop((*path, key))
