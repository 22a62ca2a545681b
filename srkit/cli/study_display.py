"""What a person sees of a study: a live table with a line a run; a plain line at each change where no terminal is."""

from __future__ import annotations

import time
from collections import Counter
from types import TracebackType

from rich import box
from rich.console import Console, Group
from rich.live import Live
from rich.table import Table
from rich.text import Text

from srkit.cli.console import duration, sentence
from srkit.studies.folder import Cell, Study
from srkit.studies.glance import Glance, glance

__all__ = ["StudyDisplay", "counted"]

EVERY = 60.0
"""Seconds between two plain lines of a run."""

ROWS = 16
"""Runs that the live table names; of a larger study those that wait or are done are counted only."""

STYLES = {"running": "cyan", "done": "green", "failed": "red", "interrupted": "yellow", "waiting": "dim"}


class StudyDisplay:
    """Shows a study while it runs; a context, so that the live table is put away whatever happens.

    Args:
        console: where to.
        quiet: show nothing.
    """

    def __init__(self, console: Console, *, quiet: bool) -> None:
        self.console, self.quiet = console, quiet
        self.live: Live | None = None
        self.seen: dict[str, str] = {}
        self.said: dict[str, float] = {}

    def __enter__(self) -> StudyDisplay:
        if self.console.is_terminal and not self.quiet:
            self.live = Live(console=self.console, refresh_per_second=4)
            self.live.start()
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        if self.live is not None:
            self.live.stop()

    def __call__(self, study: Study) -> None:
        """Show how far the study is."""
        if self.quiet:
            return
        if self.live is not None:
            self.live.update(_table(study))
            return
        for cell in study.cells:
            self._line(study, cell)

    def _line(self, study: Study, cell: Cell) -> None:
        changed = self.seen.get(cell.name, "waiting") != cell.state
        self.seen[cell.name] = cell.state
        if changed:
            self.said[cell.name] = time.monotonic()
            sentence(self.console, f"{cell.name}: {_words(study, cell)}")
        elif cell.state == "running" and time.monotonic() - self.said.get(cell.name, 0) > EVERY:
            self.said[cell.name] = time.monotonic()
            done = glance(study.run_folder(cell))
            left = f", {duration(done.seconds_left)} left" if done.seconds_left is not None else ""
            words = f"step {_steps(done)}{left}" if done.step else "no step is logged yet"
            sentence(self.console, f"{cell.name}: {words}")


def _words(study: Study, cell: Cell) -> str:
    if cell.state == "running":
        step = glance(study.run_folder(cell)).step
        return f"goes on after step {step}" if step else "begins"
    return {"waiting": "waits", "done": "done", "failed": "failed"}.get(cell.state, "saved")


def _table(study: Study) -> Group:
    table = Table(box=box.SIMPLE_HEAD, show_edge=False, pad_edge=False)
    table.add_column("run", overflow="fold")
    table.add_column("state", no_wrap=True, min_width=len("interrupted"))
    table.add_column("step", justify="right", no_wrap=True)
    table.add_column("left", justify="right", no_wrap=True)
    for cell in _named(study):
        done = glance(study.run_folder(cell))
        left = duration(done.seconds_left) if cell.state == "running" and done.seconds_left is not None else ""
        table.add_row(cell.name, Text(cell.state, STYLES[cell.state]), _steps(done), left)
    return Group(table, Text(counted(study), "dim"))


def _named(study: Study) -> list[Cell]:
    """The cells that get a line: all, or those that something happens to."""
    if len(study.cells) <= ROWS:
        return list(study.cells)
    return [cell for cell in study.cells if cell.state in ("running", "failed", "interrupted")][:ROWS]


def _steps(done: Glance) -> str:
    if not done.step:
        return ""
    return f"{done.step}/{done.total}" if done.total else str(done.step)


def counted(study: Study) -> str:
    """How many runs are in each state: 3 done, 1 running, 2 waiting."""
    counts: Counter[str] = Counter(cell.state for cell in study.cells)
    order = ("done", "running", "failed", "interrupted", "waiting")
    return ", ".join(f"{counts[state]} {state}" for state in order if counts[state])
