"""`srkit plugin`: begin a package of components, and hold components to their contract."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import click

from srkit.cli.failures import WRONG_INPUT
from srkit.cli.saying import say, say_document
from srkit.cli.trusting import trust_option, user_trust
from srkit.errors import UserError
from srkit.registry import KINDS, BrokenComponent, Kind, Registry, kind_named
from srkit.registry.discovery import CORE, canonical, misspelled
from srkit.registry.loading import kinds_declared

if TYPE_CHECKING:
    from srkit.testing import Report


@click.group("plugin", invoke_without_command=True)
@click.pass_context
def plugin_command(ctx: click.Context) -> None:
    """Begin a package of components, or check one.

    \b
    Examples:
      srkit plugin new srkit-weave --kind blocks --kind generators
      srkit plugin check ./my_block.py:Block
    """
    if ctx.invoked_subcommand is None:
        say_document(ctx.get_help())


@plugin_command.command("new")
@click.argument("name")
@click.option("--kind", "kinds", multiple=True, metavar="KIND", help="A kind to begin with; generators by default.")
@click.option("--out", type=click.Path(path_type=Path), metavar="DIR", help="The new folder; NAME by default.")
def new_command(name: str, kinds: tuple[str, ...], out: Path | None) -> None:
    """Write a package whose components work at once.

    \b
    Examples:
      srkit plugin new srkit-weave
      srkit plugin new srkit-weave --kind blocks --kind metrics
    """
    from srkit.cli.plugin_files import Names, write_plugin

    chosen = [kind_named(one) for one in dict.fromkeys(kinds or ("generators",))]
    names = Names.of(name)
    folder = out or Path(name)
    files = write_plugin(names, list(dict.fromkeys(chosen)), folder)
    say(f"{folder}: {len(files)} files")
    for file in files:
        say(f"  {file.relative_to(folder).as_posix()}")
    for entry in Registry.installed().entries():
        if entry.kind in chosen and entry.name == names.component and canonical(entry.distribution) != canonical(name):
            say(
                f"The {entry.kind.singular} {entry.name!r} is there already, in {entry.distribution}. With both "
                f"installed, experiments write '{name}:{entry.name}'. Another name in pyproject.toml avoids that."
            )
    say("Next:")
    for line in (f"pip install -e {folder}", f"srkit plugin check {name}", f"python -m pytest {folder}"):
        say(f"  {line}")


@plugin_command.command("check")
@click.argument("target", required=False, metavar="[DIST | ./file.py:Name]")
@click.option("--kind", "kind", metavar="KIND", help="For a file: the kind, where it cannot be told; else only these.")
@click.option("--json", "as_json", is_flag=True, help="A list of objects with every rule, for scripts.")
@trust_option
def check_command(target: str | None, kind: str | None, as_json: bool, trust: bool) -> None:
    """Hold components to their contract.

    All of an installed package, or one in a file; by default all of all plugins.

    \b
    Examples:
      srkit plugin check srkit-weave
      srkit plugin check ./my_block.py:Gated --kind blocks
    """
    from srkit.cli.plugin_reports import show

    registry = Registry.installed(user_trust(trust))
    chosen = kind_named(kind) if kind else None
    reports = _of_one(target, chosen, registry) if _is_one(target) else _of_many(target, chosen, registry)
    if not show(reports, as_json):
        raise click.exceptions.Exit(WRONG_INPUT)


def _is_one(target: str | None) -> bool:
    return target is not None and (":" in target or target.endswith(".py"))


def _of_one(use: str | None, kind: Kind | None, registry: Registry) -> Iterator[Report]:
    """The report on `./file.py:Name`, `package.module:Name` or `dist:name`."""
    from srkit.testing import check
    from srkit.testing.kinds import kind_of

    assert use is not None
    if use.endswith(".py"):
        raise UserError(f"a file is followed by what to take from it: {use}:Name")
    named = [one for one in registry.entries() if one.qualified == use and kind in (None, one.kind)]
    if named:
        for entry in named:
            yield check(entry.kind, use, registry=registry)
        return
    declared = [] if use.rpartition(":")[0].endswith(".py") else kinds_declared(use)
    if declared and kind is None:
        for plural in declared:
            yield check(KINDS[plural], use, registry=registry)
        return
    if kind is None:
        # as a plugin it is loaded, and nothing is asked of it
        try:
            kind = kind_of(registry.find(KINDS["plugins"], use, Path.cwd()).factory, use)
        except BrokenComponent:
            kind = KINDS["plugins"]  # what keeps it from being imported is the report
    yield check(kind, use, registry=registry)


def _lost(target: str | None) -> dict[str, Report]:
    """A report on each distribution with entry points in groups that srkit does not have, by its name."""
    from srkit.testing.report import Report
    from srkit.testing.rule import Result

    found: dict[str, list[Result]] = {}
    for one in misspelled(target):
        broken = Result("group", "its entry-point groups are srkit's", "broken", f"{one}.")
        found.setdefault(target or one.distribution, []).append(broken)
    return {name: Report("entry points", name, tuple(results)) for name, results in found.items()}


def _of_many(target: str | None, kind: Kind | None, registry: Registry) -> Iterator[Report]:
    """The reports on all that a distribution offers, or on that of all plugins."""
    from srkit.testing import check_distribution
    from srkit.testing.conformance import entries_of

    names = sorted({one.distribution for one in registry.entries() if canonical(one.distribution) != CORE})
    lost = {} if kind is not None else _lost(target)
    yield from lost.values()
    if target is not None:
        if target in lost and not any(canonical(one.distribution) == canonical(target) for one in registry.entries()):
            return
        entries_of(target, registry)
        names = [target]
    elif not names:
        raise UserError("no plugin is installed. Name a file, ./file.py:Name, or srkit itself.")
    for name in names:
        yield from check_distribution(name, registry, kind)
