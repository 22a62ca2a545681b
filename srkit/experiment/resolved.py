"""The resolved experiment: every default written out, absolute paths, the outcome of every "auto"; as TOML."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from enum import Enum
from pathlib import Path
from typing import Any

import msgspec
import tomli_w

from srkit.errors import UserError
from srkit.experiment.picks import Pick
from srkit.experiment.plan import Plan, flat_settings
from srkit.experiment.schema import Selection, Stage, Table
from srkit.experiment.tree import TreePath
from srkit.registry.own_code import CODE_FOLDER

FREE_TO_CHANGE = (
    *("steps", "log.", "checkpoint.every", "checkpoint.keep", "validation.samples"),
    *("on_nan.", "data.workers", "data.cache"),
)
"""What a resumed run may change: its length, and what no number depends on."""


def resolve(plan: Plan, outcomes: Mapping[TreePath, Any]) -> dict[str, Any]:
    """The experiment as a TOML tree.

    Args:
        outcomes: values found out since the file was read (the outcome of "auto"), by path; None drops the key.
    """
    tree = _Writer(plan).table(plan.experiment, (), plan.picks)
    for path, outcome in outcomes.items():
        target: Any = tree
        for part in path[:-1]:
            target = target[part]
        if outcome is None:
            target.pop(path[-1], None)
        else:
            target[path[-1]] = _plain_outcome(outcome)
    return tree


class _Writer:
    """Writes a plan's tables out; a component of a user's file is found again in the copy of that file."""

    def __init__(self, plan: Plan) -> None:
        self.plan = plan
        self.copies = code_copies(plan)

    def table(self, table: Table, path: TreePath, picks: Mapping[TreePath, Pick]) -> dict[str, Any]:
        values: dict[str, Any] = {}
        for field in msgspec.structs.fields(type(table)):
            value = getattr(table, field.name)
            where = (*path, field.name)
            if field.name == "options" and isinstance(table, Selection):
                continue
            if isinstance(table, Stage) and field.name == "set":
                value = self.stage_set(int(path[1]))
            if isinstance(value, Table):
                values[field.name] = self.table(value, where, picks)
            elif isinstance(value, list) and value and isinstance(value[0], Table):
                values[field.name] = [self.table(one, (*where, index), picks) for index, one in enumerate(value)]
            elif isinstance(value, list) and (*where, 0) in picks:  # names of components
                values[field.name] = [self.use(picks[(*where, index)], one) for index, one in enumerate(value)]
            elif value is not None and value not in ([], {}):
                values[field.name] = self.plain(value)
        pick = picks.get(path)
        if isinstance(table, Selection) and pick is not None:
            values |= {"use": self.use(pick, table.use), **self.options(pick)}
        return values

    def stage_set(self, number: int) -> dict[str, Any]:
        """What a stage sets, by dotted key, with the values that its degradations came to have."""
        stage = self.plan.stages[number]
        picks = {pick.path: pick for pick in stage.degradations}
        values: dict[str, Any] = {}
        for _, key, value in flat_settings(self.plan.experiment.stage[number].set, ()):
            table, *rest = key.split(".")
            if key == "degradation":
                entries = enumerate(stage.experiment.degradation)
                value = [self.table(entry, ("degradation", index), picks) for index, entry in entries]
            elif table == "degradation":
                entry = next(index for index, one in enumerate(stage.experiment.degradation) if one.name == rest[0])
                pick = picks[("degradation", entry)]
                value = pick.options.get(rest[1], value) if len(rest) == 2 else value
            values[key] = self.plain(value)
        return values

    def options(self, pick: Pick) -> dict[str, Any]:
        return {key: self.plain(value) for key, value in pick.all_options().items() if value is not None}

    def use(self, pick: Pick, written: str) -> str:
        file = pick.component.file
        if file is not None:
            return f"./{CODE_FOLDER}/{self.copies[file]}:{pick.component.name}"
        return pick.component.use  # qualified: what is installed later changes nothing

    def plain(self, value: Any) -> Any:
        """A value as TOML has it."""
        if isinstance(value, Pick):
            return {"use": self.use(value, value.component.use), **self.options(value)}
        if isinstance(value, Path):
            return str(value)
        if isinstance(value, Enum):
            return value.value
        if isinstance(value, (list, tuple)):
            return [self.plain(one) for one in value]
        if isinstance(value, Mapping):
            return {str(key): self.plain(one) for key, one in value.items() if one is not None}
        return value


def _plain_outcome(value: Any) -> Any:
    return list(value) if isinstance(value, tuple) else str(value) if isinstance(value, Path) else value


def files_used(plan: Plan) -> list[Path]:
    """The users' own `.py` files an experiment picks components from."""
    picks = [*plan.picks.values(), *(pick for stage in plan.stages for pick in stage.degradations)]
    found = {one.component.file for pick in picks for one in pick.walk()}
    return sorted(file for file in found if file is not None)


def code_copies(plan: Plan) -> dict[Path, str]:
    """What each of these files is called in the run's folder `code`: its own name, numbered where two share one."""
    copies: dict[Path, str] = {}
    for file in files_used(plan):
        number, name = 1, file.name
        while name in copies.values():
            number += 1
            name = f"{file.stem}-{number}.py"
        copies[file] = name
    return copies


def write_toml(tree: dict[str, Any]) -> str:
    """The tree as TOML text.

    Raises:
        UserError: a path in it is no text, so that TOML cannot hold it; names it.
    """
    text = tomli_w.dumps(tree)
    try:
        text.encode()
    except UnicodeEncodeError as error:
        line = text[: error.start].rpartition("\n")[2] + text[error.start :].partition("\n")[0]
        raise UserError(f"{line.strip()}: a name that is not UTF-8 cannot stand in TOML; rename the folder") from None
    return text


def differences(old: dict[str, Any], new: dict[str, Any]) -> list[tuple[str, Any, Any]]:
    """(dotted key, old, new) of every value that a resumed run may not change; None stands for absent.

    A raised number of steps is no difference, nor is a last stage that became longer. A table that only one of them has
    is one difference, and where another component was picked its options are none beside it.
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
        found = _whole(key, old, new) or (key, one, other)
        if found not in changed:
            changed.append(found)
    return changed


def shown(value: Any) -> str:
    """One side of a difference in a message."""
    if isinstance(value, dict):
        return f"a table with use = {json.dumps(value['use'])}" if "use" in value else "a table"
    return "(absent)" if value is None else json.dumps(value)


def _whole(key: str, old: Any, new: Any) -> tuple[str, Any, Any] | None:
    """The difference that a value's own one follows from: its table is on one side only, or of another component."""
    path = ""
    for part in key.split("."):
        old, new = _below(old, part), _below(new, part)
        path = f"{path}.{part}" if path else part
        if old is None or new is None:
            there = new if old is None else old
            return (path, old, new) if isinstance(there, dict) else None
        if isinstance(old, dict) and isinstance(new, dict) and old.get("use") != new.get("use"):
            return f"{path}.use", old.get("use"), new.get("use")
    return None


def _below(value: Any, part: str) -> Any:
    if isinstance(value, list):
        return value[int(part) - 1] if part.isdigit() and int(part) <= len(value) else None
    return value.get(part) if isinstance(value, dict) else None


def _leaves(value: Any, path: str = "") -> Iterator[tuple[str, Any]]:
    if isinstance(value, dict):
        for key, below in value.items():
            yield from _leaves(below, f"{path}.{key}" if path else key)
    elif isinstance(value, list) and value and isinstance(value[0], dict):
        for number, below in enumerate(value, 1):
            yield from _leaves(below, f"{path}.{number}")
    else:
        yield path, value
