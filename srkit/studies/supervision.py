"""The runs of a study handed to a launcher and watched over: what is lost begins again, what fails stops no other."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field, replace

from srkit.contracts import Job, JobState, Launcher
from srkit.experiment.resolved import CODE_FOLDER
from srkit.links import folder_inside
from srkit.locks import held, is_held
from srkit.machine.signals import asked_to_end
from srkit.studies.folder import OWN, Attempt, Cell, CellState, Study, now, write_study
from srkit.studies.glance import glance
from srkit.training.folder import LOCK, is_run

__all__ = ["supervise"]

Notice = Callable[[str], None]

POLL = 0.25
"""Seconds between two looks at the launcher."""

RESTARTS = 3
"""How often a cell is begun again whose process was lost, before it counts as failed."""

ERRORS_SHOWN = 3


@dataclass
class _Active:
    """A cell that the launcher has.

    Attributes:
        job: what the launcher calls it.
        told: bytes of the log before this job; what it prints stands behind them.
        has_begun: whether it was seen running.
    """

    job: str
    told: int
    has_begun: bool = False


@dataclass
class _Supervisor:
    """Keeps the study's file in step with what the launcher says."""

    study: Study
    launcher: Launcher
    notice: Notice
    active: dict[str, _Active] = field(default_factory=dict)
    losses: dict[str, int] = field(default_factory=dict)
    waiting: list[str] = field(default_factory=list)
    """Cells to hand to the launcher as soon as nobody trains in their folders."""
    in_use: set[str] = field(default_factory=set)
    stopping: bool = False
    """Whether the user wants all to end; noted by a signal's handler, which may interrupt anything."""
    told_to_stop: bool = False

    def begin(self) -> None:
        self.waiting = [cell.name for cell in self.study.cells if cell.state != "done"]
        self._hand_over()

    @property
    def is_over(self) -> bool:
        return not self.active and (self.stopping or not self.waiting)

    def stop(self) -> None:
        """Let every run save and end."""
        self.stopping = self.told_to_stop = True
        for one in self.active.values():
            self.launcher.cancel(one.job)

    def let_go(self) -> None:
        """Tell the runs to end without waiting until they have."""
        self.stop()
        for name, active in self.active.items():
            if active.has_begun:
                self._close(self._cell(name), "interrupted", "interrupted")

    def look(self) -> None:
        """Ask for the state of every job and do what follows from it."""
        if self.stopping and not self.told_to_stop:
            self.notice("ending the runs; each saves its checkpoint first. Ctrl-C once more does not wait for that")
            self.stop()
        for name, active in list(self.active.items()):
            state = self.launcher.state(active.job)
            if state != "waiting" and not active.has_begun and not (state == "lost" and self.stopping):
                active.has_begun = True
                self._begin_attempt(self._cell(name))
            if state not in ("waiting", "running"):
                del self.active[name]
                self._end(self._cell(name), active, state)
        if not self.stopping:
            self._hand_over()

    def _hand_over(self) -> None:
        """Submit what waits; a run whose earlier process is still about to save, later."""
        for name in list(self.waiting):
            cell = self._cell(name)
            folder = self.study.run_folder(cell)
            if is_held(folder / LOCK):
                if name not in self.in_use:
                    self.notice(f"{folder} is in use by another process; {name} begins when that has ended")
                self.in_use.add(name)
                continue
            self.waiting.remove(name)
            log = self.study.log_file(cell)
            folder_inside(self.study.folder, OWN, name)
            told = log.stat().st_size if log.exists() else 0
            self.active[name] = _Active(self.launcher.submit(self._job(cell)), told)

    def _job(self, cell: Cell) -> Job:
        folder = self.study.run_folder(cell).resolve()
        arguments = ["run", str(self.study.experiment_file(cell).resolve()), "--out", str(folder)]
        arguments += ["--resume"] if is_run(folder) else []
        arguments += ["--device", self.study.device] if self.study.device else []
        # whoever began the study said yes to what it copied there
        arguments += ["--trust"] if (self.study.experiment_file(cell).parent / CODE_FOLDER).is_dir() else []
        return Job(cell.name, tuple(arguments), self.study.log_file(cell).resolve(), self.study.device or None)

    def _begin_attempt(self, cell: Cell) -> None:
        attempts = (*cell.attempts, Attempt(now()))
        self._put(replace(cell, state="running", message="", attempts=attempts))

    def _end(self, cell: Cell, active: _Active, state: JobState) -> None:
        why = self._said(cell, active) if state == "failed" else ""
        if state == "failed" and not why and not self.told_to_stop and not glance(self.study.run_folder(cell)).step:
            lines = self._lines(cell, active)
            if lines and not any(line.startswith("step ") for line in lines):
                why = lines[-1]  # it came to no step, and would not the next time
        if state == "failed" and (not why or self.told_to_stop):
            # a run that fails says why; one that was killed has no time to, and one told to end while it begins may say
            # whatever an import that is interrupted comes to
            state = "lost"
        if state == "done":
            self._close(cell, "done", "done")
        elif state == "failed":
            self.notice(f"warning: {cell.name} failed: {why}")
            self._close(cell, "failed", "failed", why)
        elif self.stopping:
            self._close(cell, "interrupted" if active.has_begun else cell.state, "interrupted")
        else:
            self._lost(cell)

    def _lost(self, cell: Cell) -> None:
        step = glance(self.study.run_folder(cell)).step
        self.losses[cell.name] = losses = self.losses.get(cell.name, 0) + 1
        where = f"the process of {cell.name} was lost at step {step}"
        if losses > RESTARTS:
            log = self.study.log_file(cell)
            self._close(cell, "failed", "lost", f"{where}, the {losses}th time; what it said is in {log}")
            self.notice(f"warning: {cell.name} failed: {where}, the {losses}th time")
            return
        self.notice(f"warning: {where}; it begins again at its last checkpoint")
        self._close(cell, "waiting", "lost", where)
        self.waiting.append(cell.name)

    def _close(self, cell: Cell, state: CellState, ending: str, message: str = "") -> None:
        """The end of the attempt that runs, if one does."""
        attempts = list(cell.attempts)
        if attempts and not attempts[-1].ended:
            attempts[-1] = replace(attempts[-1], ended=now(), state=ending, message=message)
        shown = message if state == "failed" else ""
        self._put(replace(cell, state=state, message=shown, attempts=tuple(attempts)))

    def _lines(self, cell: Cell, active: _Active) -> list[str]:
        """What a job printed, but for empty lines."""
        try:
            with self.study.log_file(cell).open("rb") as file:
                file.seek(active.told)
                return [line for line in file.read().decode("utf-8", "replace").splitlines() if line.strip()]
        except OSError:
            return []

    def _said(self, cell: Cell, active: _Active) -> str:
        """The errors in what a job printed."""
        lines = self._lines(cell, active)
        errors = [line.removeprefix("error: ") for line in lines if line.startswith("error: ")]
        more = f" (and {len(errors) - ERRORS_SHOWN} more)" if len(errors) > ERRORS_SHOWN else ""
        return "; ".join(errors[:ERRORS_SHOWN]) + more

    def _cell(self, name: str) -> Cell:
        return next(cell for cell in self.study.cells if cell.name == name)

    def _put(self, cell: Cell) -> None:
        cells = tuple(cell if one.name == cell.name else one for one in self.study.cells)
        self.study = replace(self.study, cells=cells)
        write_study(self.study)


def supervise(study: Study, launcher: Launcher, notice: Notice, show: Callable[[Study], None]) -> Study:
    """Have every cell executed that is not done; ends when all have ended, or were told to by Ctrl-C.

    Args:
        notice: is handed every sentence the user should read.
        show: is handed the study again and again while it runs.

    Returns:
        The study at its end; cells that are "interrupted" or "waiting" can be gone on with.

    Raises:
        UserError: another process looks after the study, or the launcher cannot be reached.
    """
    with held(study.lock_file, f"{study.folder} is looked after by another process"):
        supervisor = _Supervisor(_put_right(study), launcher, notice)
        try:
            with _interruptible(supervisor):
                supervisor.begin()
                while not supervisor.is_over:
                    show(supervisor.study)
                    time.sleep(POLL)
                    supervisor.look()
                show(supervisor.study)
        except BaseException:
            supervisor.let_go()
            raise
        return supervisor.study


def _put_right(study: Study) -> Study:
    """Nobody runs when nobody looks after the study: it was killed, and its attempts with it."""
    cells = []
    for cell in study.cells:
        ended = tuple(one if one.ended else replace(one, ended=now(), state="lost") for one in cell.attempts)
        state: CellState = "waiting" if cell.state == "running" else cell.state
        cells.append(replace(cell, state=state, attempts=ended))
    return replace(study, cells=tuple(cells))


@contextmanager
def _interruptible(supervisor: _Supervisor) -> Iterator[None]:
    """A signal ends all runs with their checkpoints; a later one does not wait for that."""

    def end() -> None:
        supervisor.stopping = True

    with asked_to_end(end, patience=0):  # what is saved is saved by the runs, each with patience of its own
        yield
