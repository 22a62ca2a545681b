"""`--trust`, and the question whether code of one's own may be loaded."""

from __future__ import annotations

import click

from srkit.registry import Trust

__all__ = ["trust_option", "user_trust"]

trust_option = click.option("--trust", is_flag=True, help="Load code that you have not trusted, in this command alone.")
"""For every command that may build components; its value goes to `user_trust`."""


def user_trust(everything: bool) -> Trust:
    """What this user lets a command load."""
    return Trust(everything=everything)
