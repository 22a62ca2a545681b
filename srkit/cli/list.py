"""`srkit list`: the components that are installed; none of them is imported."""

from __future__ import annotations

import json
import subprocess
import sys
from dataclasses import replace
from itertools import groupby

import click

from srkit.registry import KINDS, Listing, Registry, kind_named


@click.command("list")
@click.argument("kind", required=False)
@click.option("--json", "as_json", is_flag=True, help="A list of objects, for scripts.")
@click.option("--verify", is_flag=True, help="Import each component, in a process of its own.")
def list_command(kind: str | None, as_json: bool, verify: bool) -> None:
    """List the components that are installed.

    \b
    srkit list
    srkit list generators
    """
    chosen = kind_named(kind) if kind else None
    listings = Registry.installed().listings(chosen)
    if verify:
        listings = [_verified(one) for one in listings]
    if as_json:
        click.echo(json.dumps([_as_json(one) for one in listings], indent=1))
        return
    _print(listings, [chosen.plural] if chosen else list(KINDS))


def _as_json(listing: Listing) -> dict[str, str]:
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


def _print(listings: list[Listing], kinds: list[str]) -> None:
    from rich import box
    from rich.console import Console
    from rich.markup import escape
    from rich.table import Table

    console = Console()
    by_kind = {kind: list(group) for kind, group in groupby(listings, key=lambda one: one.entry.kind.plural)}
    for kind in kinds:
        rows = by_kind.get(kind, [])
        if not rows and len(kinds) > 1:
            continue
        console.print(f"[bold]{kind.replace('_', ' ')}[/bold] {KINDS[kind].summary}")
        if not rows:
            console.print("  none installed\n")
            continue
        table = Table(box=box.SIMPLE_HEAD, show_edge=False, pad_edge=False, padding=(0, 1))
        table.add_column("name", style="cyan", no_wrap=True)
        table.add_column("summary", ratio=1)
        table.add_column("from", style="dim", no_wrap=True)
        for row in rows:
            summary = escape(row.summary)
            if row.state != "ok":
                summary = f"[red]{row.state}[/red]: {escape(row.reason)}"
            table.add_row(escape(row.entry.name), summary, f"{row.entry.distribution} {row.entry.version}")
        console.print(table)
        console.print()


_IMPORT = """
import sys
from pathlib import Path
from srkit.registry import Registry, kind_named
try:
    Registry.installed().find(kind_named(sys.argv[1]), sys.argv[2], Path.cwd())
except Exception as error:
    sys.exit(f"{error}")
"""


def _verified(listing: Listing) -> Listing:
    """The listing after a real import, in a process that may crash or hang without harm."""
    if listing.state == "broken":
        return listing
    command = [sys.executable, "-c", _IMPORT, listing.entry.kind.plural, listing.entry.qualified]
    try:
        done = subprocess.run(command, capture_output=True, text=True, timeout=120)
    except subprocess.TimeoutExpired:
        return replace(listing, state="broken", reason="its import takes longer than two minutes")
    if done.returncode == 0:
        return listing
    reason = done.stderr.strip().splitlines()[-1] if done.stderr.strip() else f"its import ended with {done.returncode}"
    return replace(listing, state="broken", reason=reason)
