"""An experiment file with a `[matrix]`: one experiment a cell, named, each read as a file of its own would be."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from srkit.errors import Problem, in_line_order
from srkit.experiment.matrix import LAUNCHER, MATRIX, SEED, Axis, Combination, axes_of, combinations
from srkit.experiment.overlay import read_with_bases
from srkit.experiment.plan import Reading, command_line_settings, read_tree
from srkit.experiment.settings import Setting
from srkit.experiment.tree import Origin, Tree, TreePath

__all__ = ["CellReading", "LauncherTable", "StudyReading", "gathered", "is_cell_name", "read_study"]

SHOWN = 3
"""Cells that a problem names."""

WINDOWS = ("con", "prn", "aux", "nul", *(f"{port}{number}" for port in ("com", "lpt") for number in range(1, 10)))
"""Names that Windows knows no files of, whatever follows them behind a dot."""

TAKEN = ("study", "bicubic", *WINDOWS)
"""What no cell's folder is called: the study keeps its own things in `study`, and bicubic is every table's baseline."""

LONGEST_NAME = 200


@dataclass(frozen=True)
class LauncherTable:
    """`[launcher]`, as it was written.

    Attributes:
        table: `use` and the options.
        origins: where its keys stand, by paths that begin with "launcher".
    """

    table: dict[str, Any]
    origins: Mapping[TreePath, Origin]

    def origin(self, key: str) -> Origin:
        """Where a key stands, or the table."""
        return Tree({}, dict(self.origins)).origin((LAUNCHER, key))


@dataclass(frozen=True)
class CellReading:
    """One experiment of a study.

    Attributes:
        name: what its run's folder is called.
        alternative: the row it belongs to: the labels of everything but the seed.
        labels: what was chosen, by the key of the matrix.
        settings: the values, by the same keys.
        reading: the experiment.
    """

    name: str
    alternative: str
    labels: dict[str, str]
    settings: dict[str, Any]
    reading: Reading


@dataclass(frozen=True)
class StudyReading:
    """A study's file whose structure was read.

    Attributes:
        path: the file.
        axes: of its matrix.
        cells: one a combination, in the order in which they are begun; none where the matrix itself is wrong.
        launcher: where the runs are executed, if the file says so.
        problems: what is wrong with the matrix; the cells' own are in their readings.
        files: those it was read from, each before the one it extends.
    """

    path: Path
    axes: Sequence[Axis]
    cells: Sequence[CellReading]
    launcher: LauncherTable | None
    problems: Sequence[Problem]
    files: Sequence[str] = ()

    @property
    def name(self) -> str:
        return self.path.stem

    @property
    def alternatives(self) -> list[str]:
        """The rows, in the order of the file."""
        return list(dict.fromkeys(cell.alternative for cell in self.cells))

    def all_problems(self) -> list[Problem]:
        """Each distinct problem once; one that not all cells have names those that do."""
        found = gathered([(one, one.reading.problems) for one in self.cells])
        return in_line_order([*self.problems, *found], self.files)


def read_study(path: Path, settings: Iterable[str] = ()) -> StudyReading | None:
    """Read a study; None where the file has no `[matrix]`.

    `--set` changes every cell; `--set matrix.KEY=[...]` the alternatives themselves.

    Raises:
        UserError: the file cannot be read.
        ExperimentError: it is not TOML, or extends something that is not there.
    """
    tree = read_with_bases(path, str(path))
    problems, given = command_line_settings(settings)
    own = [one for one in given if one.key.partition(".")[0] in (MATRIX, LAUNCHER)]
    if MATRIX not in tree.values and not any(one.key.partition(".")[0] == MATRIX for one in own):
        return None
    problems += [problem for one in own if (problem := _set_own(tree, one)) is not None]
    axes, wrong = axes_of(tree)
    launcher = _launcher(tree, problems)
    problems += [*wrong, *_set_twice(axes, given)]
    tree.drop((MATRIX,))
    tree.drop((LAUNCHER,))
    rest = [one for one in given if one not in own]
    cells = [] if problems else _cells(path, tree, axes, rest)
    return StudyReading(path, axes, cells, launcher, list(dict.fromkeys(problems)), tree.files)


def _set_own(tree: Tree, setting: Setting) -> Problem | None:
    """Set a key of the matrix or of the launcher, which are no part of a cell; gives what is wrong with it."""
    table, _, key = setting.key.partition(".")
    if not key:
        tree.put((table,), setting.value, setting.origin)
        return None
    if not isinstance(tree.values.get(table, {}), dict):
        return Problem(f"{table} is a value, not a table.", setting.key, setting.origin.file)
    if table not in tree.values:
        tree.put((table,), {}, setting.origin)
    if table == MATRIX:
        _forget(tree, (MATRIX,), key)
    tree.put((table, key), setting.value, setting.origin)
    return None


def _forget(tree: Tree, path: tuple[str, ...], key: str) -> None:
    """Take an axis out, in whichever form it was written."""
    table = tree.get(path)
    tree.drop((*path, key))
    for name, below in list(table.items()):
        if isinstance(below, dict) and key.startswith(f"{name}."):
            _forget(tree, (*path, name), key.removeprefix(f"{name}."))
            if not below:
                tree.drop((*path, name))


def _launcher(tree: Tree, problems: list[Problem]) -> LauncherTable | None:
    value = tree.values.get(LAUNCHER)
    if value is None:
        return None
    origin = tree.origin((LAUNCHER,))
    table = {"use": value} if isinstance(value, str) else value
    if isinstance(table, dict) and isinstance(table.get("use"), str):
        origins = {path: one for path, one in tree.origins.items() if path[:1] in ((), (LAUNCHER,))}
        return LauncherTable(table, origins)
    hint = 'Write use = "local"; `srkit list launchers` shows all.'
    problems.append(Problem("it names no launcher.", LAUNCHER, origin.file, origin.line, hint))
    return None


def _set_twice(axes: Sequence[Axis], given: Sequence[Setting]) -> list[Problem]:
    """A value that is varied cannot be set as well."""
    keys = {axis.key for axis in axes}
    hint = "Set the alternatives: --set {key}=[...]."
    return [
        Problem(f"the matrix varies {one.key}.", one.key, one.origin.file, hint=hint.format(key=f"matrix.{one.key}"))
        for one in given
        if one.key in keys
    ]


def _cells(path: Path, tree: Tree, axes: Sequence[Axis], given: Sequence[Setting]) -> list[CellReading]:
    found = combinations(axes)
    alternatives = [_alternative(cell, path.stem) for cell in found]
    names = _names(found, alternatives)
    cells = []
    for cell, alternative, name in zip(found, alternatives, names, strict=True):
        chosen = [Setting(axis.key, one.value, one.origin, one.below) for axis, one in cell]
        reading = read_tree(path, tree.copy(), [*chosen, *given])
        labels = {axis.key: one.label for axis, one in cell}
        cells.append(CellReading(name, alternative, labels, {one.key: one.value for one in chosen}, reading))
    return cells


def _alternative(cell: Combination, study: str) -> str:
    """What a row is called: the labels of its alternatives; a study of seeds alone has one row, by its own name."""
    return ", ".join(one.label for axis, one in cell if axis.key != SEED) or study


def _names(cells: Sequence[Combination], alternatives: Sequence[str]) -> list[str]:
    """A folder's name a cell: letters, digits, dots and dashes, no two alike, also where case does not count."""
    taken = set(TAKEN)
    names = []
    for cell, alternative in zip(cells, alternatives, strict=True):
        seed = "".join(f"-seed{_plain(str(one.value))}" for axis, one in cell if axis.key == SEED)
        has_rows = any(axis.key != SEED for axis, _ in cell)
        stem = (_plain(alternative) + seed) if has_rows else seed.removeprefix("-")
        name, number = stem, 1
        while name.casefold() in taken:
            number += 1
            name = f"{stem}-{number}"
        taken.add(name.casefold())
        names.append(name)
    return names


def _plain(label: str) -> str:
    plain = re.sub(r"[^A-Za-z0-9.]+", "-", label)[:60].strip("-.") or "cell"
    is_device = "." in plain and plain.partition(".")[0].casefold() in WINDOWS
    return plain.replace(".", "-", 1) if is_device else plain


def is_cell_name(name: str) -> bool:
    """Whether a cell may be called so: a plain name, as `read_study` gives.

    >>> is_cell_name("channels-64-seed1"), is_cell_name("../other")
    (True, False)
    """
    is_plain = re.fullmatch(r"[A-Za-z0-9](?:[A-Za-z0-9.-]*[A-Za-z0-9])?", name) is not None
    return (
        is_plain
        and len(name) <= LONGEST_NAME
        and name.casefold() not in TAKEN
        and name.partition(".")[0].casefold() not in WINDOWS
    )


def gathered(found: Sequence[tuple[CellReading, Sequence[Problem]]]) -> list[Problem]:
    """Each distinct problem of a study's cells once, in the order they came; one that not all have names those.

    Args:
        found: every cell with its problems.
    """
    cells: dict[Problem, list[CellReading]] = {}
    for cell, problems in found:
        for problem in dict.fromkeys(problems):
            cells.setdefault(problem, []).append(cell)
    everything = [cell for cell, _ in found]
    return [_naming(problem, having, everything) for problem, having in cells.items()]


def _naming(problem: Problem, having: Sequence[CellReading], everything: Sequence[CellReading]) -> Problem:
    if len(having) == len(everything):
        return problem
    names = _in_words(having, everything)
    more = f" and {len(names) - SHOWN} more" if len(names) > SHOWN else ""
    message = f"{problem.message.removesuffix('.')} (in {'; '.join(names[:SHOWN])}{more})."
    return Problem(message, problem.key, problem.file, problem.line, problem.hint, problem.severity)


def _in_words(some: Sequence[CellReading], everything: Sequence[CellReading]) -> list[str]:
    """What some cells are: those of one choice (`channels=64`), whole rows, or single cells."""
    for key, label in some[0].labels.items():
        if [one for one in everything if one.labels[key] == label] == list(some):
            return [label]
    rows = list(dict.fromkeys(one.alternative for one in some))
    if sum(one.alternative in rows for one in everything) == len(some):
        return rows
    return [one.name for one in some]
