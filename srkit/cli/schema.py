"""`srkit schema`: the experiment file as JSON Schema, so that an editor completes and checks it."""

from __future__ import annotations

import json
from pathlib import Path

import click

from srkit.cli.saying import say, say_document
from srkit.errors import UserError
from srkit.registry import KINDS, Component, Registry


@click.command("schema")
def schema_command() -> None:
    """Print the experiment file's JSON Schema, for editors.

    \b
    Examples:
      srkit schema
      srkit schema > srkit.schema.json
    """
    from srkit.experiment.json_schema import experiment_schema

    say_document(json.dumps(experiment_schema(_loadable(Registry.installed())), indent=1))


def _loadable(registry: Registry) -> list[tuple[Component, str]]:
    """Every component with its summary, its own name where that is its alone; what is broken is named and left out."""
    found = []
    for kind in filter(lambda one: one.is_built, KINDS.values()):
        for listing in registry.listings(kind):
            try:
                found.append((registry.find(kind, listing.entry.qualified, Path.cwd()), listing.summary))
            except UserError as error:
                say(f"warning: left out: {error}", err=True)
    return found
