"""What a notebook shows of a run while it lasts: one line, written anew at each log step."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from rich.console import Console

from srkit.cli.progress import ProgressDisplay
from srkit.hooks import hookimpl
from srkit.printable import printable
from srkit.training.run import Run

__all__ = ["NotebookProgress", "progress"]


class NotebookProgress(ProgressDisplay):
    """A line that stays where it is, because a notebook keeps every line that is printed."""

    def __init__(self, console: Console) -> None:
        super().__init__(console)
        self.shown: Any = None

    @hookimpl
    def srkit_step_end(self, run: Run, step: int, metrics: Mapping[str, Any] | None) -> None:
        if metrics is None:
            return
        from IPython.display import Pretty, display

        line = Pretty(printable(self.line(run, step, metrics)))
        if self.shown is None:
            self.shown = display(line, display_id=True)
        else:
            self.shown.update(line)


def progress(console: Console) -> ProgressDisplay:
    """The display that fits: a notebook's, a terminal's bar, or plain lines."""
    return NotebookProgress(console) if console.is_jupyter else ProgressDisplay(console)
