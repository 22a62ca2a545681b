"""How commands print: sentences of one line each, and documents of several; neither can do anything to a terminal."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from typing import TYPE_CHECKING, TextIO

import click

from srkit.places import from_here
from srkit.printable import printable, printable_lines

if TYPE_CHECKING:
    from rich.console import Console
    from rich.progress import Progress

__all__ = ["moving", "one_reader", "passing", "say", "say_document", "terminal_width", "wrapped"]

INDENT = "  "
COMMANDS = ("srkit ", "python ", "pip ", "tensorboard ")
LEAST = 20
"""Columns below which nothing is laid out."""


def say(*lines: str, err: bool = False) -> None:
    """Print sentences, each on a line of its own whatever names it holds; an empty line for none.

    On standard error, paths in the current folder are relative to it. In a terminal a long sentence goes on below and
    no word or path is cut at the edge; where a line moves, sentences stand above it.
    """
    width, screen = terminal_width(sys.stderr if err else sys.stdout), _SCREEN.get()
    for line in lines or ("",):
        text = wrapped(printable(from_here(line) if err else line), width)
        if width is not None and screen is not None:
            from rich.text import Text

            screen.print(Text(text), soft_wrap=True)
        else:
            click.echo(text, err=err)


_SCREEN: ContextVar[Console | None] = ContextVar("screen", default=None)
"""The console on which a line moves."""


@contextmanager
def moving(bar: Progress) -> Iterator[Progress]:
    """While inside, a bar moves, and sentences are printed above it."""
    # what a plugin prints stands above as well; rich would put into the terminal what is meant for a pipe, too
    bar.live._redirect_stdout, bar.live._redirect_stderr = sys.stdout.isatty(), sys.stderr.isatty()
    before = _SCREEN.set(bar.console)
    try:
        with bar:
            yield bar
    finally:
        _SCREEN.reset(before)


def say_document(document: str, *, nl: bool = True, err: bool = False) -> None:
    """Print what has several lines of srkit's own making, such as a table for a spreadsheet."""
    click.echo(printable_lines(document), nl=nl, err=err)


def one_reader() -> bool:
    """Whether standard output and standard error go to the same place, such as a terminal."""
    try:
        out, err = (os.fstat(one.fileno()) for one in (sys.stdout, sys.stderr))
    except (OSError, ValueError, AttributeError):
        return False
    return (out.st_dev, out.st_ino) == (err.st_dev, err.st_ino)


@contextmanager
def passing(words: str) -> Iterator[None]:
    """While inside, some words stand on standard error, a terminal; nothing of them is left."""
    click.echo(words, nl=False, err=True)
    try:
        yield
    finally:
        click.echo(f"\r{' ' * len(words)}\r", nl=False, err=True)


def terminal_width(stream: TextIO) -> int | None:
    """Columns of the terminal that a stream is; None where it is none."""
    try:
        if not stream.isatty():
            return None
        width = int(os.environ.get("COLUMNS", "0") or 0) or os.get_terminal_size(stream.fileno()).columns
    except (OSError, ValueError, AttributeError):
        return None
    return width if width >= LEAST else None


def wrapped(line: str, width: int | None) -> str:
    """A line as several that keep to a width, broken between words; a word that is longer stands whole on its own.

    Commands to copy stay as they are.

    >>> print(wrapped("error: no such file", 12))
    error: no
      such file
    """
    if width is None or _cells(line) <= width or line.lstrip().startswith(COMMANDS):
        return line
    return "\n".join(_lines(line, width))


def _lines(line: str, width: int) -> Iterator[str]:
    first, *words = line.lstrip().split(" ")
    margin = line[: len(line) - len(line.lstrip())]
    begun = margin + first
    for word in words:
        longer = f"{begun} {word}"
        if _cells(longer) > width:
            yield begun
            longer = margin + INDENT + word
        begun = longer
    yield begun


def _cells(text: str) -> int:
    """Columns that a text takes."""
    if text.isascii():
        return len(text)
    from rich.cells import cell_len

    return cell_len(text)
