"""An experiment file that an earlier srkit wrote out, with what has been added since then at its default."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from srkit.errors import SrkitError
from srkit.experiment.plan import complete, read_experiment
from srkit.experiment.resolved import resolve
from srkit.experiment.written import read_written
from srkit.registry import Registry


def remembered(file: Path, registry: Registry) -> dict[str, Any]:
    """The TOML tree of a resolved experiment file.

    A key that a newer srkit or plugin has joins it with its default, because that is what the run had in effect; else
    no run could be gone on with after an update. A file that cannot be read today stays as it is.

    Raises:
        UserError: the file is not there, or is not what srkit writes.
    """
    tree = read_written(file)
    try:
        plan = complete(read_experiment(file), registry)
        return tree if plan.problems else _joined(tree, resolve(plan, {}))
    except SrkitError:
        return tree


def _joined(old: Any, today: Any) -> Any:
    """The old values, and those that only today's tree has; components by their qualified names, as today's are."""
    if isinstance(old, dict) and isinstance(today, dict):
        return today | {key: _joined(value, today.get(key)) for key, value in old.items()}
    if isinstance(old, list) and isinstance(today, list) and len(old) == len(today):
        return [_joined(one, other) for one, other in zip(old, today, strict=True)]
    is_qualified = isinstance(old, str) and isinstance(today, str) and today.endswith(f":{old}") and "/" not in today
    return today if is_qualified else old
