"""Where results are printed: standard output, as wide as the terminal; in a pipe without colour and without cuts."""

from __future__ import annotations

from typing import NoReturn

from rich.console import Console

PIPED_WIDTH = 160
"""Columns of a table that nobody's terminal limits: wide enough that each component keeps to one line."""


class ResultConsole(Console):
    """A console that reports a reader who left (`| head`) as any other write does, instead of leaving the process."""

    def on_broken_pipe(self) -> NoReturn:
        raise BrokenPipeError

    def rows(self, renderable: object) -> None:
        """Print a table; in a pipe without the blanks that fill its last column."""
        if self.is_terminal:
            self.print(renderable)
            return
        with self.capture() as capture:
            self.print(renderable)
        for line in capture.get().splitlines():
            self.out(line.rstrip(), highlight=False)


def duration(seconds: float) -> str:
    """Hours, minutes and seconds as 1:02:03 or 2:03."""
    minutes, rest = divmod(round(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours}:{minutes:02}:{rest:02}" if hours else f"{minutes}:{rest:02}"


def results(piped_width: int | None = None) -> ResultConsole:
    """Standard output for results.

    Args:
        piped_width: columns where standard output is no terminal and `COLUMNS` is not set; rich's 80 by default.
    """
    console = ResultConsole(highlight=False)
    if piped_width is not None and not console.is_terminal and "COLUMNS" not in console._environ:
        console.width = piped_width
    return console
