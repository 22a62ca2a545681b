"""The resolved experiment: every default written out, absolute paths, the outcome of every "auto"; as TOML."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import msgspec
import tomli_w

from srkit.experiment.picks import Pick
from srkit.experiment.plan import Plan
from srkit.experiment.schema import Selection, Table
from srkit.experiment.tree import TreePath

CODE_FOLDER = "code"

FREE_TO_CHANGE = ("steps", "log.", "checkpoint.every", "checkpoint.keep", "data.workers", "data.cache")
"""What a resumed run may change: its length, and what no number depends on."""


def resolve(plan: Plan, outcomes: Mapping[TreePath, Any]) -> dict[str, Any]:
    """The experiment as a TOML tree.

    Args:
        outcomes: values found out since the file was read (the outcome of "auto"), by path; None drops the key.
    """
    tree: dict[str, Any] = _table(plan.experiment, (), plan)
    for path, outcome in outcomes.items():
        target: Any = tree
        for part in path[:-1]:
            target = target[part]
        if outcome is None:
            target.pop(path[-1], None)
        else:
            target[path[-1]] = _plain(outcome)
    return tree


def _table(table: Table, path: TreePath, plan: Plan) -> dict[str, Any]:
    values: dict[str, Any] = {}
    for field in msgspec.structs.fields(type(table)):
        value = getattr(table, field.name)
        where = (*path, field.name)
        if field.name == "options" and isinstance(table, Selection):
            continue
        if isinstance(value, Table):
            values[field.name] = _table(value, where, plan)
        elif isinstance(value, list) and value and isinstance(value[0], Table):
            values[field.name] = [_table(entry, (*where, index), plan) for index, entry in enumerate(value)]
        elif value is not None and value != []:
            values[field.name] = _plain(value)
    if isinstance(table, Selection):
        pick = plan.picks.get(path)
        if pick is not None:
            values["use"] = _use(pick, table.use)
            values |= _options(pick)
    return values


def _options(pick: Pick) -> dict[str, Any]:
    return {key: _plain(value) for key, value in pick.all_options().items() if value is not None}


def _use(pick: Pick, written: str) -> str:
    file = pick.component.file
    return f"./{CODE_FOLDER}/{file.name}:{pick.component.name}" if file is not None else written


def _plain(value: Any) -> Any:
    if isinstance(value, Pick):
        return {"use": _use(value, value.component.use), **_options(value)}
    if isinstance(value, Path):
        return str(value)
    if isinstance(value, (list, tuple)):
        return [_plain(one) for one in value]
    if isinstance(value, Mapping):
        return {str(key): _plain(one) for key, one in value.items()}
    return value


def files_used(plan: Plan) -> list[Path]:
    """The users' own `.py` files an experiment picks components from."""
    picks = [*plan.picks.values(), *(pick for stage in plan.stages for pick in stage.degradations)]
    found = {one.component.file for pick in picks for one in pick.walk()}
    return sorted(file for file in found if file is not None)


def write_toml(tree: dict[str, Any]) -> str:
    """The tree as TOML text."""
    return tomli_w.dumps(tree)


def differences(old: dict[str, Any], new: dict[str, Any]) -> list[tuple[str, Any, Any]]:
    """(dotted key, old, new) of every value that a resumed run may not change; None stands for absent.

    A raised number of steps is no difference, nor is a last stage that became longer.
    """
    before, after = dict(_leaves(old)), dict(_leaves(new))
    changed = []
    last_stage = f"stage.{len(new.get('stage', []))}.steps"
    for key in sorted({*before, *after}):
        one, other = before.get(key), after.get(key)
        if one == other:
            continue
        if key in ("steps", last_stage):
            if one is not None and other is not None and other >= one:
                continue
        elif any(key == free or (free.endswith(".") and key.startswith(free)) for free in FREE_TO_CHANGE):
            continue
        changed.append((key, one, other))
    return changed


def _leaves(value: Any, path: str = "") -> Iterator[tuple[str, Any]]:
    if isinstance(value, dict):
        for key, below in value.items():
            yield from _leaves(below, f"{path}.{key}" if path else key)
    elif isinstance(value, list) and value and isinstance(value[0], dict):
        for number, below in enumerate(value, 1):
            yield from _leaves(below, f"{path}.{number}")
    else:
        yield path, value
