"""The benchmark's table in a terminal: as many columns as fit side by side, the others beneath."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from rich import box
from rich.table import Table
from rich.text import Text

from srkit.evaluation.bench.entries import Comparison, Entry
from srkit.evaluation.bench.figures import (
    bytes_figure,
    gap_kind,
    interval_figure,
    macs_figure,
    mean_figure,
    model_figure,
    repeated_figures,
    spread_figure,
)
from srkit.evaluation.bench.notes import how_measured, notes
from srkit.evaluation.figures import count_figure, gap_figure, time_figure
from srkit.printable import printable

__all__ = ["comparison_table"]

NAME_WIDTH = 24
"""Longer names are folded, not cut: runs of a study differ in the end of their names."""

TRAINED_WIDTH = 24

STYLES = {"better": "green", "worse": "red", "unsure": "dim"}


@dataclass(frozen=True)
class Column:
    """One column: its heading, a cell a row, and how it stands."""

    heading: str
    cells: Sequence[Text]
    right: bool = False

    @property
    def width(self) -> int:
        lines = [self.heading, *(line for cell in self.cells for line in cell.plain.splitlines())]
        return max(map(len, lines), default=0)


def comparison_table(comparison: Comparison, width: int = 80, device: str = "") -> Table:
    """A comparison under a title and above what a reader must know.

    Args:
        comparison: whose rows stand in it.
        width: columns of the terminal.
        device: where it was computed, in words.
    """
    whole = Table.grid()
    whole.add_row(_title(comparison))
    names = Column("model", [Text(model_figure(one), style=_quiet(one)) for one in comparison.entries])
    columns = [_scores(name, comparison) for name in comparison.metrics] + _costs(comparison.entries)
    for part in _parts(columns, width - min(names.width, NAME_WIDTH)):
        whole.add_row("")
        whole.add_row(_rendered([names, *part]))
    whole.add_row("")
    whole.add_row(Text(printable(how_measured(comparison, device)), style="dim"))
    for note in notes(comparison):
        whole.add_row(Text(printable(note), style="yellow" if note.startswith("warning") else ""))
    return whole


GAP, DIVIDER = 2, 1
"""Blanks behind a column, and what the table's style puts between two."""


def _parts(columns: Sequence[Column], width: int) -> list[list[Column]]:
    """Columns in as many parts as they need; each part is as wide as the terminal at most, if any column is."""
    parts: list[list[Column]] = [[]]
    left = width
    for column in columns:
        needed = column.width + GAP + DIVIDER
        if parts[-1] and needed > left:
            parts.append([])
            left = width
        parts[-1].append(column)
        left -= needed
    return parts


def _rendered(columns: Sequence[Column]) -> Table:
    table = Table(box=box.SIMPLE_HEAD, show_edge=False, pad_edge=False, padding=(0, GAP, 0, 0))
    for number, column in enumerate(columns):
        table.add_column(
            Text(column.heading),
            justify="right" if column.right else "left",
            no_wrap=number > 0,
            overflow="fold",
            max_width=NAME_WIDTH if number == 0 else None,
        )
    for cells in zip(*(column.cells for column in columns), strict=True):
        table.add_row(*cells)
    return table


def _title(comparison: Comparison) -> Text:
    row = comparison.entries[0].row
    images = f"{row.images} image{'' if row.images == 1 else 's'}"
    return Text(printable(", ".join(part for part in (row.set, f"x{row.scale}", images) if part)), style="bold")


def _scores(name: str, comparison: Comparison) -> Column:
    """Scores, differences beside them, intervals beneath these."""
    described = next(entry.row.metrics[name] for entry in comparison.entries if name in entry.row.metrics)
    figures = [mean_figure(entry, name) if name in entry.row.metrics else "-" for entry in comparison.entries]
    width = max(map(len, figures))
    cells = []
    for entry, figure in zip(comparison.entries, figures, strict=True):
        best = comparison.best.get(name) == entry.row.model
        cell = Text(" " * (width - len(figure))).append(figure, style="bold" if best else _quiet(entry))
        gap = entry.differences.get(name)
        if gap is not None:
            cell.append(f" {gap_figure(gap.mean, described)}", style=STYLES[gap_kind(gap, described, entry)])
            if interval := interval_figure(gap, described, entry):
                cell.append(f"\n{' ' * width} {interval}", style="dim")
        cells.append(cell)
    unit = f" ({described.unit})" if described.unit else ""
    return Column(printable(f"{name.upper()}{unit}"), cells)


def _quiet(entry: Entry) -> str:
    """Grey for what is no model but what models are measured from."""
    return "dim" if entry.row.is_baseline else ""


def _costs(entries: Sequence[Entry]) -> list[Column]:
    """Seeds, parameters, multiply-adds, time, memory, training; a column that nobody has anything for is left out."""
    columns = [
        Column("seeds", [Text(repeated_figures(one)[0]) for one in entries], right=True),
        Column("training", [Text(repeated_figures(one)[1]) for one in entries], right=True),
        Column("params", [Text(count_figure(one.row.parameters)) for one in entries], right=True),
        Column("MACs/MP", [Text(macs_figure(one.macs_per_megapixel)) for one in entries], right=True),
        Column("time/MP", _times(entries), right=True),
        Column("memory", [Text(bytes_figure(one.peak_memory)) for one in entries], right=True),
        Column("trained on", [_folded(one.trained_on or "-") for one in entries]),
    ]
    return [one for one in columns if any(cell.plain != "-" for cell in one.cells)]


def _times(entries: Sequence[Entry]) -> list[Text]:
    times = [time_figure(one.row.seconds_per_megapixel) for one in entries]
    spreads = [spread_figure(one.time_spread) for one in entries]
    width = max(map(len, spreads))
    return [
        Text(f"{time} {spread:<{width}}" if width and time != "-" else time)
        for time, spread in zip(times, spreads, strict=True)
    ]


def _folded(text: str) -> Text:
    """Words in lines of `TRAINED_WIDTH`; a longer word is a line of its own."""
    lines = [""]
    for word in printable(text).split():
        joined = f"{lines[-1]} {word}".strip()
        if len(joined) > TRAINED_WIDTH and lines[-1]:
            lines.append(word)
        else:
            lines[-1] = joined
    return Text("\n".join(lines))
