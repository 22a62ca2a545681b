"""An experiment as one hash: of what its numbers depend on, wherever it lies and whatever options were added since."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from hashlib import sha256
from pathlib import Path
from typing import Any

import msgspec

from srkit.experiment.picks import Pick
from srkit.experiment.plan import Plan
from srkit.experiment.resolved import FREE_TO_CHANGE, Writer, leaves, plain_outcome
from srkit.experiment.schema import Table
from srkit.experiment.tables import table_class
from srkit.experiment.tree import TreePath

__all__ = ["experiment_digest"]


def experiment_digest(plan: Plan, outcomes: Mapping[TreePath, Any]) -> str:
    """The SHA-256 (hex) of a resolved experiment.

    What `--resume` may change is not in it (its length, logging, workers), nor are paths, nor values that equal their
    default: an option that a later version adds leaves the hash as it is.

    Args:
        outcomes: what each "auto" came to, by path; as for `resolve`.
    """
    tree = _Bare(plan).table(plan.experiment, (), plan.picks)
    for path, outcome in outcomes.items():
        _put(tree, plan, path, outcome)
    last = f"stage.{len(plan.experiment.stage)}.steps"
    kept = sorted((key, value) for key, value in leaves(tree) if not _is_free(key) and key != last)
    return sha256(json.dumps(kept, sort_keys=True, default=str).encode()).hexdigest()


def _is_free(key: str) -> bool:
    return any(key == free or (free.endswith(".") and key.startswith(free)) for free in FREE_TO_CHANGE)


class _Bare(Writer):
    """The tree without what equals its default; where files lie is left out."""

    def table(self, table: Table, path: TreePath, picks: Mapping[TreePath, Pick]) -> dict[str, Any]:
        values = super().table(table, path, picks)
        defaults = dict(_defaults(type(table)))
        return {
            key: value
            for key, value in values.items()
            if key not in defaults or value != self.plain(defaults[key]) or picks.get((*path, key))
        }

    def options(self, pick: Pick) -> dict[str, Any]:
        defaults = {one.name: self.plain(one.default) for one in pick.component.signature.options if not one.required}
        found = super().options(pick)
        return {key: value for key, value in found.items() if key not in defaults or value != defaults[key]}

    def use(self, pick: Pick, written: str) -> str:
        # a qualified name, whichever form was written
        return super().use(pick, pick.component.use)

    def plain(self, value: Any) -> Any:
        return "" if isinstance(value, Path) else super().plain(value)


def _defaults(cls: type[Table]) -> Iterator[tuple[str, Any]]:
    for field in msgspec.structs.fields(cls):
        if field.default is not msgspec.NODEFAULT:
            yield field.name, field.default
        elif field.default_factory is not msgspec.NODEFAULT:
            yield field.name, field.default_factory()


def _put(tree: dict[str, Any], plan: Plan, path: TreePath, outcome: Any) -> None:
    """What an "auto" came to, in the place of what was written."""
    target: Any = tree
    for part in path[:-1]:
        target = target.setdefault(part, {}) if isinstance(target, dict) else target[part]
    key = path[-1]
    if outcome is None or _equals_default(plan, path, outcome):
        target.pop(key, None)
    else:
        target[key] = "" if isinstance(outcome, Path) else plain_outcome(outcome)


def _equals_default(plan: Plan, path: TreePath, outcome: Any) -> bool:
    cls = table_class(path[:-1])
    if cls is not None and path[-1] in (defaults := dict(_defaults(cls))):
        return bool(defaults[str(path[-1])] == outcome)
    pick = plan.picks.get(path[:-1])
    option = pick.component.signature.option(str(path[-1])) if pick is not None else None
    return option is not None and not option.required and option.default == outcome
