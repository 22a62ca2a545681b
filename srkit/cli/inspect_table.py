"""Several networks side by side: what `srkit inspect` tells of each in full, a line each."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from rich import box
from rich.table import Table
from rich.text import Text

from srkit.cli.console import results
from srkit.evaluation.bench.figures import bytes_figure, macs_figure
from srkit.evaluation.figures import count_figure
from srkit.printable import printable

__all__ = ["print_side_by_side"]


def print_side_by_side(found: Mapping[str, Mapping[str, Any]]) -> None:
    """Print a table of generators, and one of discriminators where there are any.

    Args:
        found: what was found of each, by its name.
    """
    console = results()
    generators = {name: [*_network(facts["generator"], facts["scale"]), *_step(facts)] for name, facts in found.items()}
    console.rows(_table(("generator", "params", "MACs/MP", "sees", "by gradient", "step", "for"), generators))
    console.print("MACs/MP: for a megapixel of SR; sees: LR pixels; by gradient: what holds 99.9%")
    if any(facts["training_step"] for facts in found.values()):
        console.print("step: predicted memory (fp32, Adam, all losses) for batch x HR patch")
    rivals = {name: _network(facts["discriminator"], 1) for name, facts in found.items() if facts["discriminator"]}
    if rivals:
        console.print()
        console.rows(_table(("discriminator", "params", "MACs/MP", "sees", "by gradient"), rivals))
        console.print("MACs/MP: for a megapixel looked at; sees: HR pixels")


def _table(headings: tuple[str, ...], lines: Mapping[str, list[str]]) -> Table:
    table = Table(box=box.SIMPLE_HEAD, show_edge=False, pad_edge=False, padding=(0, 1, 0, 0))
    table.add_column("", overflow="fold")
    table.add_column(headings[0], overflow="fold")
    for one in headings[1:]:
        table.add_column(one, justify="right", no_wrap=True)
    for name, cells in lines.items():
        table.add_row(*(Text(printable(one)) for one in (name, *cells)))
    return table


def _network(one: Mapping[str, Any], scale: int) -> list[str]:
    width, height = one["macs_input"]
    field, measured = one["receptive_field"], one["receptive_field_measured"]
    return [
        one["name"],
        count_figure(one["parameters"]),
        macs_figure(one["macs"] / (width * height * scale**2) * 1e6),
        f"{field} x {field}" if field else "all",
        f"{measured} x {measured}" if measured else "-",
    ]


def _step(facts: Mapping[str, Any]) -> list[str]:
    step = facts["training_step"]
    if step is None:
        return ["-", "-"]
    return [bytes_figure(step["predicted_bytes"]), f"{step['batch_size']} x {step['patch_size']}"]
