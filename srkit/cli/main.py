"""The command `srkit`: subcommands are imported when they are called, so that help and lists start at once."""

from __future__ import annotations

import importlib
import sys
from pathlib import Path
from typing import Any

import click

import srkit
from srkit.errors import SrkitError

COMMANDS = {
    "run": "Train an experiment and judge the result against bicubic.",
    "list": "List the components that are installed.",
    "show": "Show a component: its options, where it comes from, its size.",
    "check": "Check an experiment file without training.",
    "doctor": "Say what this machine has: Python, torch, devices, plugins, cached weights.",
    "upscale": "Upscale pictures with a trained run.",
}
"""The built-in commands: name -> one sentence. The code of each is in `srkit/cli/NAME.py`."""


class Commands(click.Group):
    """Built-in commands and those of plugins (entry points `srkit.commands`), each loaded when it is called."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        return [*COMMANDS, *(name for name in self._plugins() if name not in COMMANDS)]

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        if cmd_name in COMMANDS:
            return getattr(importlib.import_module(f"srkit.cli.{cmd_name}"), f"{cmd_name}_command")
        return self._plugin_command(cmd_name)

    def resolve_command(self, ctx: click.Context, args: list[str]) -> Any:
        if args and args[0] not in self.list_commands(ctx) and not args[0].startswith("-"):
            from srkit.errors import nearest

            hint = nearest(args[0], self.list_commands(ctx)) or "`srkit --help` lists the commands."
            raise click.UsageError(f"no command {args[0]!r}. {hint}")
        return super().resolve_command(ctx, args)

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        rows = [*COMMANDS.items(), *((name, summary) for name, summary in self._plugins().items())]
        with formatter.section("Commands"):
            formatter.write_dl(rows)

    def _plugins(self) -> dict[str, str]:
        from srkit.registry import KINDS, Registry

        listings = Registry.installed().listings(KINDS["commands"])
        return {one.entry.name: one.summary or one.reason for one in listings}

    def _plugin_command(self, name: str) -> click.Command | None:
        from srkit.registry import KINDS, NotFound, Registry

        kind = KINDS["commands"]
        registry = Registry.installed()
        try:
            command = registry.find(kind, name, Path.cwd()).factory
        except NotFound:
            return None
        if not isinstance(command, click.Command):
            raise SrkitError(f"the plugin command {name!r} is not a click command")
        return command


@click.group(cls=Commands, context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(srkit.__version__, prog_name="srkit")
def cli() -> None:
    """Experiments with image super-resolution out of interchangeable parts.

    \b
    srkit run experiments/espcn.toml
    srkit list generators
    """


def main() -> None:
    """Run the command line; errors end it with one message and an exit code, never a traceback."""
    try:
        code = cli.main(standalone_mode=False, prog_name="srkit")
    except click.exceptions.Exit as error:
        code = error.exit_code
    except click.Abort:
        code = 130
    except click.ClickException as error:
        error.show()
        code = error.exit_code
    except SrkitError as error:
        _say(error)
        code = error.exit_code
    except BrokenPipeError:
        # the reader (head, less) has gone; what is still buffered has nowhere to go
        sys.stderr.close()
        code = 0
    except KeyboardInterrupt:
        click.echo("interrupted", err=True)
        code = 130
    except OSError as error:
        click.echo(f"error: {error.filename or ''}: {error.strerror or error}".replace("error: :", "error:"), err=True)
        code = 1
    sys.exit(code if isinstance(code, int) else 0)


def _say(error: SrkitError) -> None:
    click.echo(f"error: {error}", err=True)
    for note in getattr(error, "__notes__", ()):
        click.echo(f"       {note}", err=True)
