"""How results show themselves: the table of a terminal as text, the same numbers as HTML, a picture as data."""

from __future__ import annotations

import io
from base64 import b64encode
from collections.abc import Sequence
from typing import TYPE_CHECKING

from srkit.printable import as_html as escape

if TYPE_CHECKING:
    from rich.console import RenderableType

    from srkit.evaluation.bench.entries import Comparison

__all__ = ["as_html", "as_text", "image_tag", "paragraph"]

WIDTH = 100
"""Columns of a table where nobody says how many there are room for."""


def as_text(parts: Sequence[RenderableType | str]) -> str:
    """Tables and lines as a terminal shows them, without colour."""
    from srkit.cli.console import PrintableConsole

    file = io.StringIO()
    console = PrintableConsole(
        file=file, width=WIDTH, highlight=False, markup=False, emoji=False, force_jupyter=False, color_system=None
    )
    for part in parts:
        console.print(part, soft_wrap=isinstance(part, str))
    return "\n".join(line.rstrip() for line in file.getvalue().splitlines())


def as_html(comparison: Comparison, device: str = "") -> str:
    """One table with what a reader must know beneath it; all text is escaped."""
    from srkit.evaluation.bench.formats import grid, title
    from srkit.evaluation.bench.notes import how_measured, notes

    headings, rows = _without_empty_columns(*grid(comparison, bold="<b>{}</b>", escape=escape))
    head = "".join(_cell("th", text, number) for number, text in enumerate(headings))
    body = "".join(
        f"<tr>{''.join(_cell('td', text, number) for number, text in enumerate(cells))}</tr>" for cells in rows
    )
    beneath = [how_measured(comparison, device), *notes(comparison)]
    return (
        f"<div><b>{escape(title(comparison))}</b>"
        f"<table><thead><tr>{head}</tr></thead><tbody>{body}</tbody></table>"
        f"{''.join(map(paragraph, beneath))}</div>"
    )


def _without_empty_columns(headings: list[str], rows: list[list[str]]) -> tuple[list[str], list[list[str]]]:
    """The table without columns that nobody has anything for."""
    kept = [place for place in range(len(headings)) if place == 0 or any(cells[place] != "-" for cells in rows)]
    return [headings[place] for place in kept], [[cells[place] for place in kept] for cells in rows]


def _cell(tag: str, html: str, column: int) -> str:
    return f'<{tag} style="text-align: {"right" if column else "left"}">{html}</{tag}>'


def paragraph(text: str) -> str:
    """A small line of plain text."""
    return f'<div style="font-size: small">{escape(text)}</div>'


def image_tag(png: bytes, caption: str) -> str:
    """A picture that travels inside the page."""
    data = b64encode(png).decode()
    return f'<img src="data:image/png;base64,{data}" alt="{escape(caption)}" style="max-width: 100%">'
