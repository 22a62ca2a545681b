"""The side-by-side table: what one model gains over another, and under which conditions that was measured."""

from __future__ import annotations

from collections.abc import Sequence

from rich import box
from rich.table import Table
from rich.text import Text

from srkit.evaluation.best import best_by_metric, values_of
from srkit.evaluation.figures import count_figure, difference, difference_figure, score_figure, time_figure
from srkit.evaluation.finite import infinite_notes, with_finite_means
from srkit.evaluation.rows import MetricMean, Row, by_protocol, lr_origin
from srkit.evaluation.statistics import Difference, paired_difference, too_few
from srkit.places import from_here
from srkit.printable import printable

# What 80 columns have room for: two metrics with their differences beside them, or five with theirs beneath; further
# metrics go into a second table under the first.
_BESIDE, _BENEATH = 2, 5


def scores_table(rows: Sequence[Row]) -> Table:
    """A table of rows that were measured alike, under a title and above a caption that says how.

    Differences are from the first row. Without colour it says the same but for which score is best, which is bold, and
    that only where it is beyond doubt (`best_by_metric`).

    Args:
        rows: at least one; all of one set and protocol (`by_protocol` sorts mixed ones into tables).

    Raises:
        ValueError: no rows, or rows that must not be compared with each other.
    """
    if not rows:
        raise ValueError("a table needs at least one row")
    if len(by_protocol(rows)) > 1:
        raise ValueError("rows measured on different images cannot stand in one table; see by_protocol")
    rows = with_finite_means(rows)
    metrics = list(dict.fromkeys(name for row in rows for name in row.metrics))
    whole = Table.grid()
    whole.add_row(_title(rows[0]))
    for start in range(0, max(1, len(metrics)), _BENEATH):
        whole.add_row("")
        whole.add_row(_part(rows, metrics[start : start + _BENEATH], beside=len(metrics) <= _BESIDE, costs=start == 0))
    whole.add_row("")
    for line in _caption(rows, metrics):
        whole.add_row(line)
    return whole


def _part(rows: Sequence[Row], metrics: Sequence[str], *, beside: bool, costs: bool) -> Table:
    """The figures of some metrics; `costs` adds what a model takes, said only once."""
    table = Table(box=box.SIMPLE_HEAD, show_edge=False, pad_edge=False, padding=(0, 2 if beside else 1, 0, 0))
    # Folded rather than cut: an ellipsis would hide the end of a name, where runs of a study differ.
    table.add_column("model", overflow="fold")
    for name in metrics:
        # Beside each other, scores and differences are lined up by `_cells`.
        table.add_column(_heading(name, rows, beside), justify="left" if beside else "right", no_wrap=True)
    if costs:
        table.add_column("params", justify="right", no_wrap=True)
        table.add_column("time/MP", justify="right", no_wrap=True)
    columns = [_cells(name, rows, beside) for name in metrics]
    for index, row in enumerate(rows):
        quiet = "dim" if row.is_baseline else ""
        taken = [count_figure(row.parameters), time_figure(row.seconds_per_megapixel)] if costs else []
        table.add_row(Text(printable(row.model), style=quiet), *(column[index] for column in columns), *taken)
    return table


def _title(row: Row) -> Text:
    images = f"{row.images} image{'' if row.images == 1 else 's'}"
    return Text(printable(", ".join(part for part in (row.set, f"x{row.scale}", images) if part)), style="bold")


def _caption(rows: Sequence[Row], metrics: Sequence[str]) -> list[Text]:
    first = rows[0]
    origin = lr_origin(first.downscaler, first.degradations)
    parts = ["scores measured here", *([f"LR images {origin}"] if origin else [])]
    parts.append(f"border of {first.border} px cropped")
    if len(rows) > 1:
        gaps = [_paired(name, row, first) for name in metrics for row in rows[1:]]
        few = any(gap is not None and too_few(gap, first.images) for gap in gaps)
        doubt = ", some of them on too few images to say how sure they are" if few else ""
        parts.append(f"differences from {first.model}{doubt}")
    down = [_shown(name) for name in metrics if not _described(name, rows).higher_is_better]
    if down:
        parts.append(f"less is better: {', '.join(down)}")
    lines = [Text(printable("; ".join(parts)), style="dim")]
    warnings = [f"warning: {row.model}: {text}" for row in rows for text in row.warnings]
    lines += [Text(printable(text)) for text in infinite_notes(rows)]
    return lines + [Text(printable(from_here(text)), style="yellow") for text in warnings]


def _shown(name: str) -> str:
    return printable(name.upper())


def _described(name: str, rows: Sequence[Row]) -> MetricMean:
    return next(row.metrics[name] for row in rows if name in row.metrics)


def _heading(name: str, rows: Sequence[Row], beside: bool) -> Text:
    unit = printable(_described(name, rows).unit)
    if not unit:
        return Text(_shown(name))
    return Text(f"{_shown(name)} ({unit})" if beside else f"{_shown(name)}\n{unit}")


def _cells(name: str, rows: Sequence[Row], beside: bool) -> list[Text]:
    """A metric's column."""
    baseline = rows[0].metrics.get(name)
    gaps = [
        ""
        if row is rows[0] or baseline is None or name not in row.metrics
        # The first row has nothing to differ from.
        else difference_figure(row.metrics[name], baseline)
        for row in rows
    ]
    figures = [score_figure(row.metrics[name]) if name in row.metrics else "-" for row in rows]
    best = best_by_metric(rows).get(name)
    score_width, gap_width = max(map(len, figures)), max(map(len, gaps))
    cells = []
    for row, figure, gap in zip(rows, figures, gaps, strict=True):
        cell = Text(" " * (score_width - len(figure)) if beside else "")
        cell.append(figure, style="bold" if row.model == best else "dim" if row.is_baseline else "")
        if gap:
            cell.append(
                f" {gap:>{gap_width}}" if beside else f"\n{gap}", style=_difference_style(name, row, rows[0], gap)
            )
        cells.append(cell)
    return cells


def _paired(name: str, row: Row, baseline: Row) -> Difference | None:
    """The difference image by image; None where that isn't known."""
    return paired_difference(values_of(row, name), values_of(baseline, name))


def _difference_style(name: str, row: Row, baseline: Row, figure: str) -> str:
    gap = difference(row.metrics[name], baseline.metrics[name])
    if gap is None or float(figure) == 0 or row.is_baseline:
        return "dim"
    paired = _paired(name, row, baseline)
    if paired is not None and (not paired.is_certain or too_few(paired, row.images)):
        return "dim"
    return "green" if (gap > 0) == row.metrics[name].higher_is_better else "red"
