"""The command `srkit`: subcommands are imported when they are called, so that help and lists start at once."""

from __future__ import annotations

import atexit
import importlib
import keyword
import os
import signal
import sys
import threading
import time
from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path
from typing import Any

import click

import srkit
from srkit.cli.failures import FAILED, INTERRUPTED, place, reader_gone, report, threads_reported
from srkit.cli.loading_torch import told_while_torch_loads
from srkit.cli.saying import say, say_document
from srkit.data.limits import require_limits
from srkit.errors import SrkitError, nearest, value_in_short
from srkit.machine.signals import ignore_signals, interrupts_noted
from srkit.own_warnings import own_warnings_alone
from srkit.shared_state import STARTED_BY

LOAD_NOTHING = ("list", "doctor", "schema", "trust")
"""Commands that load no component: whatever ends them is not one's `sys.exit()`."""

COMMANDS = {
    "run": "Train an experiment, or a study of many, and judge it against bicubic.",
    "list": "List the components that are installed.",
    "show": "Show a component: its options, where it comes from, its size.",
    "check": "Check an experiment file and its pictures without training.",
    "schema": "Print the experiment file's JSON Schema, for editors.",
    "data": "Show what the network will see, and how fast it comes.",
    "doctor": "Say what this machine has, and what is missing.",
    "trust": "Trust the code in a folder, or that of a run.",
    "bench": "Judge models side by side on photos.",
    "strip": "Lay original, bicubic and models side by side, magnified.",
    "animate": "Show two models, or the original and one, in turn.",
    "curves": "Draw losses, learning rates and scores of runs over their steps.",
    "report": "Make a page of runs: photos to compare, curves, tables.",
    "table": "Put the runs of a study side by side, also while it trains.",
    "verify": "Compare runs with what they recorded at their end.",
    "upscale": "Upscale pictures with a trained model.",
    "inspect": "Inspect networks: size, receptive field, memory of a step.",
    "export": "Write a trained model as one file, with a model card.",
    "import": "Bring weights of other programs into a run folder.",
    "prepare": "Cut photos into patches, or pack pictures as they are.",
    "plugin": "Begin a package of components, or check one.",
}
"""The built-in commands: name -> one sentence. The code of each is `NAME_command` in `srkit/cli/NAME.py`."""

READERS = "srkit-pictures"
"""What the names of threads begin with that read pictures, as srkit.data.threads has it."""

TO_SAY, TO_END, TO_LINGER = 0.5, 5.0, 60.0
"""Seconds after an interrupt when a thread that has not ended is told about, and when it is left; the last of these is
for those of components when all went well."""


class Commands(click.Group):
    """Built-in commands and those of plugins (entry points `srkit.commands`), each loaded when it is called."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        return [*COMMANDS, *(name for name in self._plugins() if name not in COMMANDS)]

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        if cmd_name in COMMANDS:
            module = f"{cmd_name}_" if keyword.iskeyword(cmd_name) else cmd_name
            return getattr(importlib.import_module(f"srkit.cli.{module}"), f"{cmd_name}_command")
        return self._plugin_command(cmd_name)

    def resolve_command(self, ctx: click.Context, args: list[str]) -> Any:
        if not args[0].startswith("-") and self.get_command(ctx, args[0]) is None:
            hint = nearest(args[0], self.list_commands(ctx)) or f"Commands: {', '.join(self.list_commands(ctx))}."
            raise click.UsageError(f"no command {args[0]!r}. {hint}", ctx)
        return super().resolve_command(ctx, args)

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        rows = [*COMMANDS.items(), *((name, text) for name, text in self._plugins().items() if name not in COMMANDS)]
        with formatter.section("Commands"):
            formatter.write_dl(rows)

    def invoke(self, ctx: click.Context) -> Any:
        try:
            return super().invoke(ctx)
        except BrokenPipeError as error:
            # click itself ends the process without a word, whichever pipe it was
            if reader_gone():
                raise click.exceptions.Exit(FAILED) from error
            raise RuntimeError("a pipe to another process broke") from error
        except SystemExit as error:
            if ctx.invoked_subcommand not in COMMANDS or ctx.invoked_subcommand in LOAD_NOTHING:
                raise  # a plugin's command ends as it likes
            raise SrkitError(
                f"code that was loaded ended the program by sys.exit({value_in_short(error.code)}){place(error)}"
            ) from error

    def _plugins(self) -> dict[str, str]:
        """Name -> sentence, or why it cannot be used; a command named like a built-in goes by its qualified name."""
        from srkit.registry import KINDS, Registry

        listings = Registry.installed().listings(KINDS["commands"])
        rows = {}
        for one in listings:
            taken = one.state == "conflict" or one.entry.name in COMMANDS
            name = one.entry.qualified if taken else one.entry.name
            rows[name] = f"(broken: {one.reason})" if one.state == "broken" else one.summary
        return rows

    def _plugin_command(self, name: str) -> click.Command | None:
        from srkit.registry import KINDS, Registry

        kind = KINDS["commands"]
        registry = Registry.installed()
        if not any(name in (entry.name, entry.qualified) for entry in registry.entries(kind)):
            return None
        command = registry.find(kind, name, Path.cwd()).factory
        if not isinstance(command, click.Command):
            raise SrkitError(f"the plugin command {name!r} is a {type(command).__name__}, not a click command")
        return command


@click.group(cls=Commands, invoke_without_command=True, context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(srkit.__version__, prog_name="srkit", message="%(prog)s %(version)s")
@click.pass_context
def cli(ctx: click.Context) -> None:
    """Experiments with image super-resolution out of interchangeable parts.

    \b
    Examples:
      srkit run experiments/espcn.toml
      srkit list generators
    """
    if ctx.invoked_subcommand is None:
        say_document(ctx.get_help())
        return
    # once and at the start, rather than for each image or as a fault of the experiment's
    require_limits()


def main() -> None:
    """Run the command line; errors end it with one message and an exit code, never a traceback."""
    was_interrupted: Callable[[], bool] = bool  # it did not come
    try:
        with (
            threads_reported(),
            own_warnings_alone(partial(say, err=True)),
            told_while_torch_loads(),
            interrupts_noted() as was_interrupted,
        ):
            code = cli.main(standalone_mode=False, prog_name="srkit")
    except SystemExit:
        raise
    except BaseException as error:
        if was_interrupted() and not isinstance(error, (click.exceptions.Exit, click.Abort, KeyboardInterrupt)):
            error = KeyboardInterrupt()  # which is what became of it
        code = _reported(error)
        _leave_hanging_threads(code)
    else:
        _leave_threads_that_linger(code if isinstance(code, int) else 0)
    if code == INTERRUPTED:
        atexit.register(ignore_signals)  # Python forgets its own handlers while it ends, and this would be no 130
    sys.exit(code if isinstance(code, int) else 0)


def _leave_hanging_threads(code: int) -> None:
    """Have Python wait no longer than 5 seconds, or until the next Ctrl-C, for threads that do not end.

    One that reads a picture on a drive that has gone never does. After an error only those that read pictures, or that
    a component started, are left.
    """
    left = [one for one in threading.enumerate() if one is not threading.main_thread() and not one.daemon]
    if code != INTERRUPTED:
        left = [one for one in left if one.name.startswith(READERS) or hasattr(one, STARTED_BY)]
    if left:
        signal.signal(signal.SIGINT, lambda *_: os._exit(code))
        threading.Thread(target=_end_despite, args=[left, code], daemon=True).start()


def _leave_threads_that_linger(code: int) -> None:
    """Say whose threads keep a command alive that is done, and end it despite them where that lasts: a study waits."""
    left = [one for one in threading.enumerate() if one is not threading.main_thread() and not one.daemon]
    if left:
        threading.Thread(target=_end_despite_lingering, args=[left, code], daemon=True).start()


def _end_despite_lingering(threads: Sequence[threading.Thread], code: int) -> None:
    time.sleep(TO_SAY)
    alive = [one for one in threads if one.is_alive()]
    if not alive:
        return
    names = ", ".join(repr(one.name) + (f" of {who}" if (who := getattr(one, STARTED_BY, "")) else "") for one in alive)
    say(
        f"all is done; still waiting for the thread {names}, which is no daemon. Ctrl-C ends it, and it is left after "
        f"{TO_LINGER:.0f} seconds",
        err=True,
    )
    time.sleep(TO_LINGER)
    if any(one.is_alive() for one in alive):
        os._exit(code)


def _end_despite(threads: Sequence[threading.Thread], code: int) -> None:
    """End the process where these do not end, and only then: what runs at exit may take its time."""
    time.sleep(TO_SAY)
    if any(one.is_alive() for one in threads):
        at_once = "" if os.name == "nt" else ", or at once by Ctrl-C"
        say(f"still waiting for a thread; ends within {TO_END:.0f} seconds{at_once}", err=True)
        time.sleep(TO_END - TO_SAY)
    if any(one.is_alive() for one in threads):
        os._exit(code)


def _reported(error: BaseException) -> int:
    try:
        return report(error)
    except BrokenPipeError:
        reader_gone()  # nobody reads the message either
        return FAILED
