"""How commands print: sentences of one line each, and documents of several; neither can do anything to a terminal."""

from __future__ import annotations

import click

from srkit.printable import printable, printable_lines

__all__ = ["say", "say_document"]


def say(*lines: str, err: bool = False) -> None:
    """Print sentences, each on a line of its own whatever names it holds; an empty line for none."""
    for line in lines or ("",):
        click.echo(printable(line), err=err)


def say_document(document: str, *, nl: bool = True, err: bool = False) -> None:
    """Print what has several lines of srkit's own making, such as a table for a spreadsheet."""
    click.echo(printable_lines(document), nl=nl, err=err)
