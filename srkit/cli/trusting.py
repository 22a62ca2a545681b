"""`--trust`, and the question whether code of one's own may be loaded."""

from __future__ import annotations

import sys

import click

from srkit.cli.saying import say
from srkit.registry import Trust
from srkit.registry.own_code import CodeFile
from srkit.registry.trust import Question

__all__ = ["shown_files", "trust_option", "user_trust"]

trust_option = click.option("--trust", is_flag=True, help="Load own code you have not trusted, in this command alone.")
"""For every command that may build components; its value goes to `user_trust`."""


def user_trust(everything: bool, *, ask: bool = True) -> Trust:
    """What this user lets a command load; on a terminal they can be asked.

    Args:
        everything: `--trust` was given.
        ask: whether the command needs the code; one that can do without it does not ask.
    """
    is_terminal = sys.stdin is not None and sys.stdin.isatty() and sys.stderr.isatty()
    return Trust(everything, _ask if ask and is_terminal else None)


def _ask(question: Question) -> bool:
    say(f"{question.file.path} is code that you have not trusted. From here it would be loaded:", err=True)
    for place in question.places:
        kind = (
            f"the run {place.folder}, by the sha256 of its code {place.digest()}" if place.is_run else str(place.folder)
        )
        say("", f"  {kind}", err=True)
        files = place.files()
        if question.file not in files and question.file.path.is_relative_to(place.code):
            files.insert(0, question.file)
        for line in shown_files(files):
            say(f"    {line}", err=True)
    what = "Run folders are always asked about on their own. " if not all(one.is_run for one in question.places) else ""
    say("", f"Code can do whatever you can. {what}`srkit trust --forget` takes a yes back.", err=True)
    return click.confirm("Have you read it, and do you trust all of this?", default=False, err=True)


def shown_files(files: list[CodeFile]) -> list[str]:
    """A line for each file."""
    return [str(one) for one in files] or ["(no Python file yet)"]
