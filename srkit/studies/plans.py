"""A study's cells as plans: components looked up, everything that is wrong found, before anything is trained."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from srkit.contracts import Launcher, Provenance
from srkit.errors import ExperimentError, OptionError, Problem
from srkit.experiment import Pick, Plan, StudyReading, complete
from srkit.experiment.matrix import LAUNCHER
from srkit.experiment.names import same_use
from srkit.experiment.single import pick_one, table_of
from srkit.experiment.study import CellReading, LauncherTable, gathered
from srkit.experiment.tree import Origin, TreePath
from srkit.registry import KINDS, Registry
from srkit.studies.folder import STUDY_FILE, Study

__all__ = [
    "CellPlan",
    "built_launcher",
    "find_problems",
    "launcher_problems",
    "launcher_table",
    "picked_launcher",
    "planned",
    "with_other_pictures",
]

DEFAULT_LAUNCHER = "srkit:local"


@dataclass(frozen=True)
class CellPlan:
    """A cell as it was read, and as it would be trained."""

    cell: CellReading
    plan: Plan


def planned(reading: StudyReading, registry: Registry) -> list[CellPlan]:
    """Look the components of all cells up."""
    return [CellPlan(cell, complete(cell.reading, registry)) for cell in reading.cells]


def find_problems(cells: Sequence[CellPlan]) -> list[Problem]:
    """Everything that is wrong with the cells, after a rehearsal of each alternative; each problem once.

    Seeds change nothing that a rehearsal finds: one cell stands for all of its row.
    """
    from srkit.assembly import rehearse
    from srkit.inference.initial import check_initial

    found: dict[str, list[Problem]] = {}
    for row, plan in representatives(cells).items():
        before = list(plan.problems)
        rehearse(plan)
        check_initial(plan)
        found[row] = [one for one in plan.problems if one not in before]
    return gathered([(one.cell, [*one.plan.problems, *found[one.cell.alternative]]) for one in cells])


def representatives(cells: Sequence[CellPlan]) -> dict[str, Plan]:
    """The first cell's plan of each alternative."""
    first: dict[str, Plan] = {}
    for one in cells:
        first.setdefault(one.cell.alternative, one.plan)
    return first


def with_other_pictures(cells: Sequence[CellPlan]) -> list[Plan]:
    """Of cells with the same sets of pictures one each."""
    found: dict[str, Plan] = {}
    for one in cells:
        experiment = one.plan.experiment
        sets = [experiment.scale, experiment.validation.photos, experiment.data]
        options = [pick.options for path, pick in one.plan.picks.items() if path[0] == "data"]
        found.setdefault(repr([sets, options]), one.plan)
    return list(found.values())


def launcher_problems(table: LauncherTable, registry: Registry) -> list[Problem]:
    """Everything that is wrong with a launcher; it is built, which reaches out for nothing."""
    try:
        built_launcher(picked_launcher(table, registry), table)
    except ExperimentError as error:
        return error.problems
    return []


def launcher_table(
    written: LauncherTable | None, asked: str | None, jobs: int | None, recorded: Study | None = None
) -> LauncherTable:
    """Where the runs are executed: by the command line, else by the file, else where the study began, else here.

    What the launcher of a study that is gone on with had settled (its threads) stays, as long as it is the same one.

    Args:
        written: `[launcher]`.
        asked: `--launcher`, a name or a table.
        jobs: `--jobs`, which is the option of that name.
        recorded: the study that is resumed.

    Raises:
        UserError: what was asked for is no table.
    """
    found = written
    if asked is not None:
        found = LauncherTable(table_of(asked, "--launcher"), {(): _typed("--launcher")})
    kept = dict(recorded.launcher) if recorded is not None else {}
    table = dict(found.table) if found is not None else {"use": DEFAULT_LAUNCHER, **kept}
    origins: dict[TreePath, Origin] = dict(found.origins) if found is not None else {(): _typed("")}
    if recorded is not None and same_use(kept.get("use"), table["use"]):
        # what a folder's file says is not what was typed
        origin = Origin(str(recorded.folder / STUDY_FILE), None, recorded.folder.resolve())
        origins |= {(LAUNCHER, key): origin for key in kept if found is None or key not in table}
        table = {**kept, **table}
    if jobs is not None:
        table["jobs"] = jobs
        origins[LAUNCHER, "jobs"] = _typed("--jobs")
    return LauncherTable(table, origins)


def _typed(option: str) -> Origin:
    return Origin(option, None, Path.cwd(), typed=True)


def picked_launcher(table: LauncherTable, registry: Registry) -> Pick:
    """Look a launcher up and check its options.

    Raises:
        ExperimentError: with everything that is wrong with it.
    """
    kind = KINDS["launchers"]
    return pick_one(kind, table.table, registry, shown_as="", folder=None, origins=table.origins)


def built_launcher(pick: Pick, table: LauncherTable) -> tuple[Launcher, dict[str, Any]]:
    """The launcher, and the table that builds it again just as it is: with what it settled by itself.

    Raises:
        ExperimentError: it cannot do what it is asked.
    """
    try:
        launcher: Launcher = pick.build()
    except OptionError as error:
        origin = table.origin(error.key)
        raise ExperimentError([Problem(error.why, f"launcher.{error.key}", origin.file, origin.line)]) from None
    provenance = getattr(launcher, "provenance", Provenance())
    return launcher, {**table.table, **provenance.resolved}
