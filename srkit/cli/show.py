"""`srkit show KIND NAME`: what a component is, its options, where it comes from, and how large it is."""

from __future__ import annotations

import inspect
import json
from pathlib import Path
from typing import Any

import click

from srkit.registry import Component, Registry, kind_named
from srkit.registry.values import expected


@click.command("show")
@click.argument("kind")
@click.argument("name")
def show_command(kind: str, name: str) -> None:
    """Show a component: its options, where it comes from, its size.

    \b
    srkit show generators espcn
    srkit show feature-loss vgg16
    """
    from rich import box
    from rich.console import Console
    from rich.markup import escape
    from rich.table import Table

    chosen = kind_named(kind)
    registry = Registry.installed()
    component = registry.find(chosen, name, Path.cwd())
    console = Console()
    console.print(f"[bold]{escape(component.name)}[/bold] ({chosen.singular}) from {_origin(registry, component)}")
    console.print()
    console.print(escape(description(component)), highlight=False)
    if not chosen.is_built:
        return
    options = component.signature.options
    if options:
        console.print()
        table = Table(box=box.SIMPLE_HEAD, show_edge=False, pad_edge=False, padding=(0, 1))
        for heading in ("option", "default", "what"):
            table.add_column(heading, overflow="fold", no_wrap=heading == "option")
        for option in options:
            kind_of_value = f"a {option.nested.singular}" if option.nested else expected(option.annotation)
            default = "(required)" if option.required else _default(option.default)
            text = f"{escape(option.doc)} [dim]({escape(_short(kind_of_value))})[/dim]"
            table.add_row(f"[cyan]{option.name}[/cyan]", escape(default), text)
        console.print(table)
    size = _size(component)
    if size:
        console.print()
        console.print(size)


def _short(text: str, limit: int = 160) -> str:
    return text if len(text) <= limit else text[: limit - 3] + "..."


def _default(value: Any) -> str:
    if isinstance(value, (tuple, dict)):
        value = list(value) if isinstance(value, tuple) else value
    try:
        return _short(json.dumps(value), 60)
    except TypeError:
        return str(value)


def _origin(registry: Registry, component: Component) -> str:
    pages = {entry.distribution: entry.home_page for entry in registry.entries()}
    page = pages.get(component.distribution, "")
    return " ".join(part for part in (component.distribution, component.version, page) if part)


def description(component: Component) -> str:
    """The docstring without the sections that the table of options shows."""
    text = inspect.getdoc(component.factory) or "(its author wrote no description)"
    for heading in ("\nArgs:", "\nArguments:"):
        text = text.split(heading)[0]
    return text.strip()


def _size(component: Component) -> str:
    """The parameters of a network with its default options; empty for what is no network."""
    if component.kind.plural not in ("generators", "discriminators", "blocks"):
        return ""
    if any(option.required for option in component.signature.options):
        return ""
    import torch

    given = {"generators": {"scale": 2}, "discriminators": {}, "blocks": {"channels": 64}}[component.kind.plural]
    words = ", ".join(f"{key} {value}" for key, value in given.items())
    try:
        with torch.device("meta"):
            network = component.factory(**given)
    except Exception as error:
        return f"size unknown: {error}"
    count = sum(one.numel() for one in network.parameters())
    field = _receptive_field(network, given.get("scale", 1)) if component.kind.plural == "generators" else ""
    return f"{count:,} parameters{f' ({words})' if words else ''}{field}"


def _receptive_field(network: Any, scale: int) -> str:
    """The receptive field in LR pixels, measured by gradient: how much of the LR picture one SR pixel depends on."""
    from srkit.evaluation.receptive import receptive_field

    width = receptive_field(network, scale)
    return f"; one output pixel sees {width} x {width} LR pixels" if width else ""
