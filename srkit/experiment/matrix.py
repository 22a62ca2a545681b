"""`[matrix]`: the alternatives of a study, what each is called, and the combinations of them."""

from __future__ import annotations

import itertools
import json
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from srkit.errors import Problem
from srkit.experiment.names import short_name
from srkit.experiment.schema import KIND_OF_TABLE
from srkit.experiment.tree import Origin, Tree, TreePath
from srkit.registry.values import found

__all__ = ["LAUNCHER", "MATRIX", "SEED", "Axis", "Choice", "Combination", "axes_of", "combinations"]

MATRIX, LAUNCHER, SEED = "matrix", "launcher", "seed"

NOT_VARIED = ("extends", MATRIX, LAUNCHER)

LONGEST = 40
"""Characters of a value in a label; a longer one needs a label of its own."""


@dataclass(frozen=True)
class Choice:
    """One alternative of an axis.

    Attributes:
        label: what it is called in tables.
        value: as it would be set, `label` taken out.
        origin: where it was written.
        below: the origins of what lies inside the value, by their path in it.
    """

    label: str
    value: Any
    origin: Origin
    below: Mapping[TreePath, Origin] = field(default_factory=dict)


@dataclass(frozen=True)
class Axis:
    """A key of the matrix, dotted as for `--set`, and its alternatives."""

    key: str
    choices: tuple[Choice, ...]


Combination = tuple[tuple[Axis, Choice], ...]
"""One cell: of each axis one alternative, in the order of the file."""


def combinations(axes: Sequence[Axis]) -> list[Combination]:
    """Every combination, seeds outermost: when the first seed is done, each alternative has been tried once.

    Of the other axes the last varies fastest.
    """
    outer = [axis for axis in axes if axis.key == SEED]
    inner = [axis for axis in axes if axis.key != SEED]
    order = {axis.key: place for place, axis in enumerate(axes)}
    product = itertools.product(*([(axis, one) for one in axis.choices] for axis in (*outer, *inner)))
    return [tuple(sorted(cell, key=lambda one: order[one[0].key])) for cell in product]


def axes_of(tree: Tree) -> tuple[list[Axis], list[Problem]]:
    """The axes of a tree's `[matrix]`, and what is wrong with it; an axis that is wrong is left out."""
    reading = _Reading(tree)
    table = tree.values[MATRIX]
    if not isinstance(table, dict) or not table:
        hint = "For example seed = [1, 2, 3]."
        reading.add((MATRIX,), f"found {found(table)}, expected a table of lists of alternatives.", hint)
        return [], reading.problems
    written = list(_leaves(table, (MATRIX,)))
    tails = Counter(key.rpartition(".")[2] for key in {key for _, key, _ in written})
    axes: list[Axis] = []
    first: dict[str, TreePath] = {}
    for path, key, values in written:
        name = key if tails[key.rpartition(".")[2]] > 1 else key.rpartition(".")[2]
        if first.setdefault(key, path) != path:
            reading.add(path, "this key stands in the matrix twice.", "Write it once, in quotes or as tables.")
        elif reading.fits(path, key, values):
            choices = reading.choices(path, key, name, values)
            if choices:
                axes.append(Axis(key, choices))
    return axes, list(dict.fromkeys(reading.problems))


def _leaves(table: dict[str, Any], path: TreePath) -> Iterator[tuple[TreePath, str, Any]]:
    """(path, dotted key, value): keys may be written in quotes or as tables inside each other."""
    for name, value in table.items():
        where = (*path, name)
        if isinstance(value, dict) and value:
            yield from _leaves(value, where)
        else:
            yield where, ".".join(map(str, where[1:])), value


class _Reading:
    """Reads the axes of one tree and keeps what is wrong with them."""

    def __init__(self, tree: Tree) -> None:
        self.tree = tree
        self.problems: list[Problem] = []

    def add(self, path: TreePath, message: str, hint: str = "") -> None:
        origin = self.tree.origin(path)
        key = ".".join(str(part) for part in path if isinstance(part, str))
        self.problems.append(Problem(message, key, origin.file, origin.line, hint))

    def fits(self, path: TreePath, key: str, values: Any) -> bool:
        """Whether it can be an axis at all."""
        if key.partition(".")[0] in NOT_VARIED:
            self.add(path, f"{key} cannot be varied.", "The keys of a matrix are those of an experiment.")
        elif not isinstance(values, list):
            hint = f"For example {key} = [{json.dumps(values) if isinstance(values, (int, float, str)) else '...'}]."
            self.add(path, f"found {found(values)}, expected a list of alternatives.", hint)
        elif not values:
            self.add(path, "an empty list: there is nothing to try.", "Name at least one alternative.")
        else:
            return True
        return False

    def choices(self, path: TreePath, key: str, name: str, values: list[Any]) -> tuple[Choice, ...]:
        """The alternatives of an axis, of which no two are the same and no two are called alike."""
        chosen = [self._choice((*path, place), key, name, one) for place, one in enumerate(values)]
        labels: dict[str, int] = {}
        for place, one in enumerate(chosen):
            first = labels.setdefault(one.label.casefold(), place)
            if first == place:
                continue
            if same(chosen[first].value, one.value):
                self.add((*path, place), f"{one.label!r} stands there twice.", "Remove one of the two.")
            else:
                hint = 'Give each a name: { label = "...", ... }.'
                self.add((*path, place), f"two alternatives are called {one.label!r}.", hint)
        return tuple(chosen) if len(labels) == len(chosen) else ()

    def _choice(self, path: TreePath, key: str, name: str, value: Any) -> Choice:
        label, inside = "", path
        if isinstance(value, dict) and "label" in value:
            label = self._own_label(path, value["label"])
            value = {one: below for one, below in value.items() if one != "label"}
            if list(value) == ["value"]:  # what is no table gets its name this way
                value, inside = value["value"], (*path, "value")
        below = {
            where[len(inside) :]: origin
            for where, origin in self.tree.origins.items()
            if where[: len(inside)] == inside and len(where) > len(inside)
        }
        return Choice(label or _label(key, name, value), value, self.tree.origin(inside), below)

    def _own_label(self, path: TreePath, label: Any) -> str:
        if isinstance(label, str) and label.strip():
            return label.strip()
        self.add((*path, "label"), f"found {found(label)}, expected what to call it in tables.")
        return ""


def same(one: Any, other: Any) -> bool:
    """Whether two values of a TOML file are the same; `1` and `true` are not, though Python has them equal."""
    return bool(json.dumps(one, sort_keys=True, default=str) == json.dumps(other, sort_keys=True, default=str))


def _label(key: str, name: str, value: Any) -> str:
    """What an alternative is called that has no label: a table's component by its name, any other as `channels=64`."""
    if key in KIND_OF_TABLE:
        entries = value if isinstance(value, list) else [value]
        uses = [str(one.get("use", "") if isinstance(one, dict) else one) for one in entries]
        if all(uses) and not key.startswith("data."):
            return "+".join(map(short_name, uses)) or f"no {name}"
    return f"{name}={_shown(value)}"


def _shown(value: Any) -> str:
    if isinstance(value, dict) and isinstance(value.get("use"), str):
        text = short_name(value["use"])
    else:
        text = value if isinstance(value, str) else json.dumps(value, default=str)
    return text if len(text) <= LONGEST else f"{text[: LONGEST - 3]}..."
