"""`srkit show KIND NAME`: what a component is, its options, where it comes from, and how large it is."""

from __future__ import annotations

import json
from pathlib import Path

import click

from srkit.cli.list import where_named
from srkit.cli.portrait import Portrait, portrait, portrait_of_source
from srkit.cli.saying import say_document
from srkit.cli.trusting import trust_option, user_trust
from srkit.errors import UserError, nearest
from srkit.registry import KINDS, Kind, Registry, Untrusted, kind_named


@click.command("show")
@click.argument("kind", metavar="[KIND]")
@click.argument("name", metavar="NAME", required=False)
@click.option("--json", "as_json", is_flag=True, help="One object, for scripts.")
@trust_option
def show_command(kind: str, name: str | None, as_json: bool, trust: bool) -> None:
    """Show a component: its options, where it comes from, its size.

    \b
    Examples:
      srkit show generators espcn
      srkit show vgg16
    """
    registry = Registry.installed(user_trust(trust, ask=False))  # its source tells most of it
    chosen, use = _meant(kind, name, registry)
    try:
        shown = portrait(registry.find(chosen, use, Path.cwd()), registry)
    except Untrusted as refusal:
        shown = portrait_of_source(chosen, use, refusal)
    if as_json:
        say_document(json.dumps(shown.as_object(), indent=1))
    else:
        _print(shown)


def _meant(kind: str, name: str | None, registry: Registry) -> tuple[Kind, str]:
    """Kind and name; the kind may be left out where one alone has a component of that name.

    Raises:
        UserError: the kind is none, or the name is missing; with what to type.
    """
    try:
        chosen = kind_named(kind)
    except UserError as error:
        meant = [entry for entry in registry.entries() if kind in (entry.name, entry.qualified)]
        if name is None and len(meant) == 1:  # there is but one thing it can mean
            return meant[0].kind, meant[0].qualified
        for one in filter(None, (kind, name)):
            if found := where_named(one, registry):
                raise UserError(f"write the kind, then the name: {one!r} is {found}") from error
        kinds_meant = nearest(kind, [word for one in KINDS.values() for word in (one.plural, one.singular)])
        if name is None and not kinds_meant and (hint := nearest(kind, [one.name for one in registry.entries()])):
            raise UserError(f"no kind and no component is called {kind!r}. {hint}") from error
        raise
    if name is None:
        names = ", ".join(entry.name for entry in registry.entries(chosen)) or "none is installed"
        raise UserError(f"which of the {chosen.plural.replace('_', ' ')}? {names}")
    return chosen, name


def _print(shown: Portrait) -> None:
    from rich.markup import escape

    from srkit.cli.console import results, sentence

    console = results()
    kind = shown.kind.singular.replace("_", " ")
    origin = " ".join(part for part in (shown.distribution, shown.version, shown.home_page) if part)
    console.print(
        f"[bold]{escape(shown.name)}[/bold] ({kind}) from {escape(origin)}", soft_wrap=not console.is_terminal
    )
    for paragraph in shown.description:
        console.print()
        console.print(escape(paragraph))
    if shown.options:
        console.print()
        console.rows(_table(shown))
    if shown.papers or shown.size:
        console.print()
    for fact in filter(None, [*(f"paper: {one}" for one in shown.papers), shown.size]):
        sentence(console, fact)


def _table(shown: Portrait) -> object:
    from rich import box
    from rich.markup import escape
    from rich.table import Table

    table = Table(box=box.SIMPLE_HEAD, show_edge=False, pad_edge=False, padding=(0, 1))
    table.add_column("option", style="cyan", no_wrap=True)
    table.add_column("type", overflow="fold", max_width=20)
    table.add_column("default", overflow="fold", max_width=16)
    table.add_column("what", overflow="fold")
    for option in shown.options:
        table.add_row(*(escape(text) for text in (option.name, option.type, option.shown_default, option.doc)))
    return table
