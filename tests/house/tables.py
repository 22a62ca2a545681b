"""Tables in Markdown, for the parts of documents that come from the code."""

from __future__ import annotations

from collections.abc import Iterable

__all__ = ["table"]


def table(heading: tuple[str, ...], rows: Iterable[tuple[str, ...]]) -> str:
    """A Markdown table; a bar in a cell is escaped."""
    lines = [heading, tuple("---" for _ in heading), *(tuple(_cell(text) for text in row) for row in rows)]
    return "".join("| " + " | ".join(line) + " |\n" for line in lines)


def _cell(text: str) -> str:
    return text.replace("|", "\\|")
