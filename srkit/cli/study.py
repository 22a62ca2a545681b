"""A study on the command line: read and checked, trained by a launcher, told of at its end."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from srkit.cli.failures import DONE, FAILED, INTERRUPTED
from srkit.cli.plan import say_all, told_if_it_fails
from srkit.cli.saying import say
from srkit.errors import ExperimentError, Problem, UserError, in_line_order
from srkit.experiment import Pick, StudyReading, complete, read_experiment, read_study
from srkit.experiment.foreseen import foresee
from srkit.experiment.names import plain_use
from srkit.registry import Registry
from srkit.studies.folder import Study, is_study
from srkit.studies.folder import read_study as read_folder

if TYPE_CHECKING:
    from rich.console import Console

    from srkit.experiment.study import LauncherTable
    from srkit.studies.beginning import Planned

__all__ = ["Asked", "StudyTask", "rehearse_study", "run_study", "sound_study"]


@dataclass(frozen=True)
class Asked:
    """What the command line says of a study.

    Attributes:
        out: its folder.
        resume: go on with it.
        device: by name.
        launcher: a name or a table.
        jobs: runs at a time.
        quiet: no progress.
    """

    out: Path | None
    resume: bool
    device: str | None
    launcher: str | None
    jobs: int | None
    quiet: bool


@dataclass(frozen=True)
class StudyTask:
    """A sound study, ready to be trained.

    Attributes:
        name: what it is called.
        file: where it comes from.
        cells: its experiments.
        launcher: where they are executed.
        pick: the launcher, looked up.
        recorded: the study that is gone on with; None for a new one.
    """

    name: str
    file: Path
    cells: Sequence[Planned]
    launcher: LauncherTable
    pick: Pick
    recorded: Study | None


def sound_study(path: Path, settings: tuple[str, ...], registry: Registry, asked: Asked) -> StudyTask | None:
    """Read a study's file, or the folder of one that is gone on with; None where it is neither.

    Raises:
        UserError: something is wrong with it.
    """
    if path.is_dir():
        return _of_folder(path, settings, registry, asked) if is_study(path) else None
    reading = read_study(path, settings)
    return _of_file(reading, registry, asked) if reading is not None else None


def _of_file(reading: StudyReading, registry: Registry, asked: Asked) -> StudyTask:
    foreseen = [one for one in reading.cells if foresee(one.reading, registry)]
    structural = reading.all_problems()
    if foreseen or structural:
        is_named = reading.launcher is not None or asked.launcher is not None
        with told_if_it_fails(structural, say_all):
            wrong = _launcher(reading, None, registry, asked)[2] if is_named else []
        raise ExperimentError(in_line_order(dict.fromkeys([*structural, *wrong]), reading.files))
    from srkit.studies.beginning import as_cells, study_to_resume
    from srkit.studies.plans import find_problems, planned

    plans = planned(reading, registry)
    problems = find_problems(plans)  # what a rehearsal finds would end a run hours later
    recorded = None
    if asked.resume and not problems:
        recorded = study_to_resume(reading.name, asked.out)
    launcher, pick, wrong = _launcher(reading, recorded, registry, asked)
    if found := dict.fromkeys([*problems, *wrong]):
        raise ExperimentError(in_line_order(found, reading.files))
    assert pick is not None
    return StudyTask(reading.name, reading.path, as_cells(plans), launcher, pick, recorded)


def _of_folder(folder: Path, settings: tuple[str, ...], registry: Registry, asked: Asked) -> StudyTask:
    """A study by what its cells were started with; the file it was made of may be gone."""
    if not asked.resume:
        raise UserError(f"{folder} is a study; go on with it by --resume, see it by srkit table {folder}")
    if asked.out is not None:
        raise UserError(f"--out {asked.out}: {folder} is gone on with where it is")
    from srkit.experiment import require_sound
    from srkit.experiment.written import read_written
    from srkit.links import refuse_links
    from srkit.studies.beginning import Planned

    recorded = read_folder(folder)
    refuse_links(folder)
    cells = []
    for cell in recorded.cells:
        read_written(recorded.experiment_file(cell))
        plan = complete(read_experiment(recorded.experiment_file(cell), settings), registry)
        require_sound(plan)
        cells.append(Planned(cell, plan))
    launcher, pick, wrong = _launcher(None, recorded, registry, asked)
    if wrong:
        raise ExperimentError(wrong)
    assert pick is not None
    return StudyTask(recorded.name, folder, cells, launcher, pick, recorded)


def _launcher(
    reading: StudyReading | None, recorded: Study | None, registry: Registry, asked: Asked
) -> tuple[LauncherTable, Pick | None, list[Problem]]:
    """The command line's launcher, else the file's, else the one the study began with, and what is wrong with it."""
    from srkit.studies.plans import launcher_table, picked_launcher

    written = reading.launcher if reading is not None else None
    table = launcher_table(written, asked.launcher, asked.jobs, recorded)
    try:
        return table, picked_launcher(table, registry), []
    except ExperimentError as error:
        return table, None, error.problems


def run_study(task: StudyTask, asked: Asked, registry: Registry) -> int:
    """Train all cells that are not done, then show the table; gives the exit code.

    Raises:
        SrkitError: the study cannot be begun or gone on with, or its launcher cannot be reached.
    """
    from srkit.cli.console import messages, speaker
    from srkit.cli.study_display import StudyDisplay
    from srkit.studies.beginning import begun, gone_on_with
    from srkit.studies.plans import built_launcher
    from srkit.studies.supervision import supervise

    launcher, settled = built_launcher(task.pick, task.launcher)
    screen = messages()
    if task.recorded is None:
        study = begun(task.name, task.file, task.cells, settled, asked.device or "", asked.out, registry)
    else:
        device = asked.device or task.recorded.device
        study = gone_on_with(task.recorded, task.cells, settled, device, registry)
    if not asked.quiet:
        options = ", ".join(f"{key} {value}" for key, value in settled.items() if key != "use")
        name = plain_use(settled["use"])
        by = f"{name} ({options})" if options else name
        screen.print(f"{study.name}: {len(study.cells)} runs in {study.folder}, by {by}")

    try:
        with StudyDisplay(screen, quiet=asked.quiet) as display:
            study = supervise(study, launcher, speaker(screen), display)
    except KeyboardInterrupt:  # the second; the runs save and end on their own
        return _how_to_go_on(read_folder(study.folder), screen)
    return _told(study, screen, quiet=asked.quiet)


def rehearse_study(task: StudyTask, device: str | None) -> int:
    """One step of each alternative, and what the whole study would take by them."""
    import torch

    from srkit.cli.console import duration
    from srkit.dry_run import dry_run
    from srkit.studies.plans import built_launcher

    _, settled = built_launcher(task.pick, task.launcher)
    torch.set_num_threads(settled.get("threads", torch.get_num_threads()))
    seconds, disk, memory = 0.0, 0, 0
    for row in dict.fromkeys(one.cell.alternative for one in task.cells):
        plans = [one.plan for one in task.cells if one.cell.alternative == row]
        found = dry_run(plans[0], device)
        seconds += found.seconds * len(plans)
        disk += found.disk_bytes * len(plans)
        memory = max(memory, found.memory_bytes)
        times = f" x {len(plans)}" if len(plans) > 1 else ""
        say(
            f"{row}: about {duration(found.seconds)}{times} for {found.steps} steps "
            f"({found.seconds_each}), {found.disk_bytes / 1e6:.1f} MB{times}"
        )
    jobs = settled.get("jobs", 1)
    say(f"{task.file}: {len(task.cells)} runs")
    say(f"  time    about {duration(seconds / min(jobs, len(task.cells)))}" + (f", {jobs} at a time" * (jobs > 1)))
    if memory:
        say(f"  memory  about {memory * jobs / 1e9:.2f} GB")
    say(f"  disk    about {disk / 1e6:.1f} MB")
    return DONE


def _how_to_go_on(study: Study, screen: Console) -> int:
    done = sum(cell.state == "done" for cell in study.cells)
    screen.print(
        f"interrupted; {done} of {len(study.cells)} runs are done, of the others the checkpoints are saved. "
        "Go on with:",
        f"  srkit run {study.folder} --resume",
        sep="\n",
        soft_wrap=True,
    )
    return INTERRUPTED


def _told(study: Study, screen: Console, *, quiet: bool) -> int:
    """The table, what failed and how to go on; gives the exit code."""
    if any(cell.state in ("waiting", "interrupted") for cell in study.cells):
        return _how_to_go_on(study, screen)
    failed = [cell for cell in study.cells if cell.state == "failed"]
    if len(failed) < len(study.cells):
        from srkit.cli.table import show_study

        show_study(study)
    for cell in failed:
        say(f"error: {cell.name}: {cell.message}", err=True)
    if failed:
        say(
            f"error: {len(failed)} of {len(study.cells)} runs failed; once the cause is gone, "
            f"srkit run {study.folder} --resume tries them again",
            err=True,
        )
        return FAILED
    if not quiet:
        screen.print(f"study folder: {study.folder}", "next:", f"  srkit table {study.folder}", sep="\n")
    return DONE
