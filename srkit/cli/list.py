"""`srkit list`: the components that are installed; none of them is imported."""

from __future__ import annotations

import json

import click

from srkit.cli.saying import say, say_document
from srkit.errors import UserError
from srkit.registry import KINDS, Kind, Listing, Registry, kind_named
from srkit.registry.discovery import misspelled


@click.command("list")
@click.argument("kind", required=False)
@click.option("--json", "as_json", is_flag=True, help="A list of objects, for scripts.")
@click.option("--verify", is_flag=True, help="Import each component, in a process of its own.")
def list_command(kind: str | None, as_json: bool, verify: bool) -> None:
    """List the components that are installed.

    \b
    Examples:
      srkit list
      srkit list generators --json
    """
    registry = Registry.installed()
    chosen = _kind(kind, registry) if kind else None
    listings = registry.listings(chosen)
    if verify:
        from srkit.cli.verification import verified

        listings = verified(listings)
    if as_json:
        say_document(json.dumps([as_object(one) for one in listings], indent=1))
        return
    _print(listings, [chosen] if chosen else list(KINDS.values()))
    for one in misspelled():
        say(f"warning: {one}", err=True)


def _kind(text: str, registry: Registry) -> Kind:
    """The kind that is meant; who names a component instead is told how to see it."""
    try:
        return kind_named(text)
    except UserError as error:
        found = where_named(text, registry)
        if not found:
            raise
        raise UserError(f"{text!r} is no kind of component but {found}") from error


def where_named(name: str, registry: Registry) -> str:
    """Which kinds have a component of this name and what to type for it; empty where none has."""
    entries = [entry for entry in registry.entries() if name in (entry.name, entry.qualified)]
    kinds = list(dict.fromkeys(entry.kind for entry in entries))
    words = " and ".join(f"a {kind.singular.replace('_', ' ')}" for kind in kinds)
    ways = " or ".join(f"`srkit show {kind.plural} {name}`" for kind in kinds)
    return f"{words}. Try {ways}." if kinds else ""


def as_object(listing: Listing) -> dict[str, str]:
    """The line of a component as a script reads it."""
    entry = listing.entry
    return {
        "kind": entry.kind.plural,
        "name": entry.name,
        "qualified": entry.qualified,
        "summary": listing.summary,
        "distribution": entry.distribution,
        "version": entry.version,
        "state": listing.state,
        "reason": listing.reason,
    }


def _print(listings: list[Listing], kinds: list[Kind]) -> None:
    from srkit.cli.console import PIPED_WIDTH, results

    console = results(PIPED_WIDTH)
    for kind in kinds:
        rows = [one for one in listings if one.entry.kind == kind]
        if not rows and len(kinds) > 1:
            continue
        console.print(f"[bold]{kind.plural.replace('_', ' ')}[/bold] {kind.summary}")
        console.rows(_table(rows) if rows else "  none installed")
        console.print()


def _table(rows: list[Listing]) -> object:
    from rich import box
    from rich.markup import escape
    from rich.table import Table

    table = Table(box=box.SIMPLE_HEAD, show_edge=False, pad_edge=False, padding=(0, 1))
    table.add_column("name", style="cyan", no_wrap=True)
    table.add_column("summary", overflow="fold")
    table.add_column("from", style="dim", no_wrap=True)
    for row in rows:
        summary = escape(row.summary)
        if row.state != "ok":
            summary = f"[red]{row.state}[/red]: {escape(row.reason)}"
        name = row.entry.qualified if row.state == "conflict" else row.entry.name
        table.add_row(escape(name), summary, escape(f"{row.entry.distribution} {row.entry.version}"))
    return table
