"""One component picked outside of an experiment file: on the command line, in a suite, in a model's own file."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from srkit.errors import ExperimentError, UserError
from srkit.experiment.escapes import WAY_OUT, escaped_paths, has_backslash
from srkit.experiment.picks import Pick, Picking
from srkit.experiment.tree import Origin, Tree, TreePath
from srkit.experiment.typed import Typing
from srkit.registry import Kind, Registry
from srkit.toml_files import NotToml, parsed_toml

__all__ = ["pick_one", "table_of"]


def table_of(text: str, shown_as: str) -> dict[str, Any]:
    """What somebody typed as a component: its name, or a table as an experiment file has it.

    >>> table_of("lanczos", "--downscaler")
    {'use': 'lanczos'}
    >>> table_of('{ use = "lanczos", lobes = 2 }', "--downscaler")
    {'use': 'lanczos', 'lobes': 2}

    Raises:
        UserError: it begins as a table and is none, or names no component.
    """
    if not text.lstrip().startswith("{"):
        return {"use": text}
    try:
        table = parsed_toml(f"it = {text}")["it"]
    except NotToml as error:
        way_out = f". {WAY_OUT}" if has_backslash(text) else ""
        raise UserError(f"{shown_as} {text}: not a TOML table ({error.why}){way_out}") from None
    for _, meant in escaped_paths(table):
        raise UserError(f"{shown_as} {text}: it seems to hold the path {meant}. {WAY_OUT}")
    if not isinstance(table.get("use"), str):
        raise UserError(f'{shown_as} {text}: begin with what it is, {{ use = "...", ... }}')
    return dict(table)


def pick_one(
    kind: Kind,
    table: Mapping[str, Any],
    registry: Registry,
    *,
    shown_as: str,
    folder: Path | None,
    origins: Mapping[TreePath, Origin] | None = None,
) -> Pick:
    """Look a component up and check its options.

    Args:
        kind: what is wanted.
        table: `use` and the options; keys that belong to the table of the kind itself (`name`, `when`) are left aside.
        registry: where to look.
        shown_as: where it was written, for messages.
        folder: that of the file it was written in, which its paths and `./file.py` are relative to; None where it was
            typed: then that is where one stands.
        origins: where its keys were written, in the place of the two above; paths begin with the kind's name.

    Raises:
        ExperimentError: with everything that is wrong with it.
    """
    path = (kind.singular,)
    written = Origin(shown_as, None, folder or Path.cwd(), typed=folder is None)
    tree = Tree({kind.singular: dict(table)}, {(): written, **(origins or {})})
    typing = Typing(tree)
    options = {key: value for key, value in table.items() if key not in ("use", "name", "when")}
    pick = Picking(typing, registry).pick(kind, str(table["use"]), options, path)
    if pick is None or typing.problems:
        raise ExperimentError(typing.problems)
    return pick
