"""Rules for what is loaded and not built: click commands and modules of hooks."""

from __future__ import annotations

from typing import Any

import click

from srkit.hooks import HookCaller, HookFailed, Hooks
from srkit.testing.rule import Broken

__all__ = ["is_a_command", "is_a_plugin"]


def is_a_command(value: Any) -> None:
    """Raise `Broken` where it is no click command that explains itself."""
    if not isinstance(value, click.Command):
        raise Broken(
            f"It is a {type(value).__name__}, not a click command.", "Write @click.command() above a function."
        )
    if not (value.help or "").strip():
        raise Broken("It has no help.", "Its docstring is what `srkit --help` shows.")
    bare = [one.name for one in value.params if isinstance(one, click.Option) and not one.help]
    if bare:
        raise Broken(f"Nothing is said about --{bare[0]}.", "Write help=... into its click.option.")


def is_a_plugin(value: Any, name: str) -> None:
    """Raise `Broken` where hooks would not be called as their author means."""
    try:
        HookCaller({name: value})
    except HookFailed as error:
        raise Broken(f"{error}.") from None
    if not any(callable(getattr(value, name, None)) for name in vars(Hooks) if name.startswith("srkit_")):
        raise Broken("It has no hook.", "Write a function such as srkit_step_end(run, step) with @hookimpl above it.")
