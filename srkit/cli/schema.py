"""`srkit schema`: the experiment file as JSON Schema, so that an editor completes and checks it."""

from __future__ import annotations

import json
from pathlib import Path

import click
import msgspec

from srkit.cli.saying import say, say_document
from srkit.errors import UserError
from srkit.registry import Component, Registry
from srkit.registry.requirements import Requirements


@click.command("schema")
def schema_command() -> None:
    """Print the experiment file's JSON Schema, for editors.

    \b
    Examples:
      srkit schema
      srkit schema > srkit.schema.json
    """
    from srkit.experiment.json_schema import experiment_schema

    document = json.dumps(experiment_schema(_loadable(Registry.installed())))
    # json itself takes ten times as long for lines that are indented
    say_document(msgspec.json.format(document, indent=1))


def _loadable(registry: Registry) -> list[tuple[Component, str]]:
    """Every component with its summary, its own name where that is its alone; what is broken is named and left out."""
    found = []
    requirements = Requirements()
    for entry in (one for one in registry.entries() if one.kind.is_built):
        try:
            component = registry.find(entry.kind, entry.qualified, Path.cwd())
        except UserError as error:
            say(f"warning: left out: {error}", err=True)
        else:
            found.append((component, entry.read(requirements).summary))
    return found
