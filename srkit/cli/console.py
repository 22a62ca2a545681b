"""Where results and messages are printed: standard output and standard error.

Results are as wide as the terminal; in a pipe they are without colour and without cuts.
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from typing import Any, NoReturn

from rich.console import Console
from rich.segment import Segment
from rich.text import Text

from srkit.cli.saying import wrapped
from srkit.evaluation.figures import clock_figure as duration
from srkit.places import from_here
from srkit.printable import printable, printable_lines

__all__ = ["PIPED_WIDTH", "PrintableConsole", "ResultConsole", "duration", "messages", "results", "sentence", "speaker"]

PIPED_WIDTH = 160
"""Columns of a table that nobody's terminal limits: wide enough that each component keeps to one line."""


class PrintableConsole(Console):
    """A console that no name can do anything to: what cannot be seen is spelled out, and a string is one line.

    Several lines are several arguments with `sep`, or a `Text`.
    """

    def render_str(self, text: str, **how: Any) -> Text:
        """A string as it is printed, measured and put into a table."""
        return super().render_str(printable(text), **how)

    def render(self, renderable: Any, options: Any = None) -> Iterator[Segment]:
        """Anything else; whoever lays out a `Text` of names calls `printable` himself, so that it has its room."""
        for segment in super().render(renderable, options):
            yield segment if segment.control else Segment(printable_lines(segment.text), segment.style)


class ResultConsole(PrintableConsole):
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
        lines = [line.rstrip() for line in capture.get().split("\n")]
        self.print(*lines[:-1], sep="\n", markup=False, no_wrap=True, overflow="ignore", crop=False)


def results(piped_width: int | None = None) -> ResultConsole:
    """Standard output for results.

    Args:
        piped_width: columns where standard output is no terminal and `COLUMNS` is not set; rich's 80 by default.
    """
    console = ResultConsole(emoji=False, highlight=False)
    if piped_width is not None and not console.is_terminal and "COLUMNS" not in console._environ:
        console.width = piped_width
    return console


def messages() -> PrintableConsole:
    """Where a run is shown: standard error, so that standard output holds results alone.

    What is printed stands as it is: `[data]` and a path with brackets are no markup.
    """
    return PrintableConsole(file=sys.stderr, markup=False, emoji=False, highlight=False)


def sentence(screen: Console, text: str, style: str | None = None) -> None:
    """Print a sentence, whole in a pipe; in a terminal it goes on below, and no word or path is cut at the edge."""
    lines = wrapped(printable(from_here(text)), screen.width if screen.is_terminal else None)
    screen.print(Text(lines), style=style, soft_wrap=True)


def speaker(screen: Console, *, quiet: bool = False) -> Callable[[str], None]:
    """Says sentences to the user, each on a line of its own: warnings in any case, others unless it is to be quiet."""

    def say(text: str) -> None:
        is_warning = text.startswith("warning:")
        if is_warning or not quiet:
            sentence(screen, text, "yellow" if is_warning else None)

    return say
