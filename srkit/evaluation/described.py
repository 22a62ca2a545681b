"""What a table calls a data set, and the components that made its LR images."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from srkit.experiment import Pick

MOST_OPTIONS = 8
"""Options of a component that a caption lists in full."""


def dataset_name(pick: Pick) -> str:
    """What a set is called in a table: the dataset, with its split or folder."""
    options = pick.all_options()
    path = options.get("path")
    if path is not None:
        paths = path if isinstance(path, (list, tuple)) else [path]
        return ", ".join(Path(one).name for one in paths)
    split = options.get("split")
    return f"{pick.component.name} ({split})" if split else pick.component.name


def described(pick: Pick) -> str:
    """A component with its options in words, as a table's caption has it; of many, those that are not the defaults."""
    options = {key: value for key, value in pick.all_options().items() if value is not None}
    rest = ""
    if len(options) > MOST_OPTIONS:
        defaults = {one.name: one.default for one in pick.component.signature.options if not one.required}
        chosen = {key: value for key, value in options.items() if key not in defaults or value != defaults[key]}
        options, rest = chosen, "the rest by default" if chosen else "all by default"
    words = ", ".join([*(f"{key} {_value(value)}" for key, value in options.items()), *([rest] if rest else [])])
    return f"{pick.component.name} ({words})" if words else pick.component.name


def _value(value: object) -> str:
    if isinstance(value, (tuple, list)) and len(value) == 2 and all(isinstance(one, (int, float)) for one in value):
        return f"{value[0]}..{value[1]}"
    if isinstance(value, Pick):
        return described(value)
    if isinstance(value, (tuple, list)):
        return " | ".join(map(_value, value))
    if isinstance(value, Mapping):
        return " | ".join(f"{key} {_value(one)}" for key, one in value.items())
    return str(value)
