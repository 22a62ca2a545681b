"""A benchmark for other programs and for papers: JSON, CSV, Markdown, LaTeX."""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import srkit
from srkit.evaluation.bench.entries import Comparison, Entry, Repetition
from srkit.evaluation.bench.figures import (
    bytes_figure,
    interval_figure,
    macs_figure,
    mean_figure,
    model_figure,
    repeated_figures,
    spread_figure,
)
from srkit.evaluation.bench.notes import how_measured, notes
from srkit.evaluation.bench.worst import per_image_grid, worst_first
from srkit.evaluation.figures import count_figure, gap_figure, time_figure
from srkit.evaluation.rows import Row
from srkit.evaluation.scores_file import row_to_json
from srkit.printable import as_csv as csv_cell
from srkit.printable import as_json as json_document
from srkit.printable import as_latex as latex
from srkit.printable import as_markdown as markdown

__all__ = ["as_csv", "as_json", "as_latex", "as_markdown", "grid", "title"]


def as_json(comparisons: Sequence[Comparison], facts: Mapping[str, Any]) -> str:
    """One fixed form, in which keys are added and never changed; a row's photos stand worst first.

    Args:
        comparisons: the tables, whose rows follow each other.
        facts: what else is to be known of all of them.
    """
    rows = [_entry_to_json(entry, one) for one in comparisons for entry in one.entries]
    whole = {"rows": rows, "srkit": srkit.__version__, **facts}
    return json_document(json.dumps(whole, indent=2, ensure_ascii=False, allow_nan=False)) + "\n"


def _entry_to_json(entry: Entry, comparison: Comparison) -> dict[str, Any]:
    row = entry.row
    return row_to_json(row) | {
        "per_image": {photo: dict(row.per_image[photo]) for photo in worst_first(row)},
        "macs_per_megapixel": entry.macs_per_megapixel,
        "peak_memory": entry.peak_memory,
        "time_spread": entry.time_spread,
        "trained_on": entry.trained_on,
        "seen_in_training": dict(entry.acquaintance.photos),
        "training_unknown": entry.acquaintance.unknown,
        "origin": comparison.origin,
        "results": dict(comparison.results),
        "against": comparison.against,
        "differences": {
            name: None if gap is None else {"mean": gap.mean, "low": gap.low, "high": gap.high}
            for name, gap in entry.differences.items()
        },
        "left_out": {name: list(one.images) for name, one in entry.left_out.items()},
        "best": [name for name, model in comparison.best.items() if model == row.model],
        **(_repetition_to_json(entry.repetition) if entry.repetition is not None else {}),
    }


def _repetition_to_json(repetition: Repetition) -> dict[str, Any]:
    return {
        "seeds": list(repetition.seeds),
        "spread": dict(repetition.spreads),
        "per_seed": {name: list(means) for name, means in repetition.means.items()},
        "training_seconds": repetition.training_seconds,
    }


_PLAIN = ("model", "set", "scale", "downscaler", "degradations", "border", "images")


def as_csv(comparisons: Sequence[Comparison], per_image: bool = False) -> str:
    """One line a row, numbers in full; or one line a photo of each row, worst first; no cell is a formula."""
    lines = [line for one in comparisons for line in (_photo_lines(one) if per_image else _row_lines(one))]
    columns = list(dict.fromkeys(key for line in lines for key in line))
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    for cells in (columns, *([line.get(key, "") for key in columns] for line in lines)):
        writer.writerow(map(csv_cell, cells))
    return text.getvalue()


def _row_lines(comparison: Comparison) -> list[dict[str, Any]]:
    lines = []
    for entry in comparison.entries:
        line = _protocol(entry.row)
        for name, metric in entry.row.metrics.items():
            gap = entry.differences.get(name)
            line[name] = "inf" if metric.mean is None else metric.mean
            if metric.left_out:
                line[f"{name} finite"] = "inf" if metric.finite is None else metric.finite
                line[f"{name} left out"] = ", ".join(metric.left_out)
            line[f"{name} difference"] = gap.mean if gap is not None else ""
            line[f"{name} low"] = gap.low if gap is not None and gap.low is not None else ""
            line[f"{name} high"] = gap.high if gap is not None and gap.high is not None else ""
        if entry.repetition is not None:
            line["seeds"] = len(entry.repetition.seeds)
            line |= {f"{name} spread": spread for name, spread in entry.repetition.spreads.items()}
            line["training_seconds"] = entry.repetition.training_seconds
        line |= {
            "parameters": entry.row.parameters,
            "macs_per_megapixel": entry.macs_per_megapixel,
            "seconds_per_megapixel": entry.row.seconds_per_megapixel,
            "time_spread": entry.time_spread,
            "peak_memory": entry.peak_memory,
            "trained_on": entry.trained_on,
            "seen_in_training": len(entry.acquaintance.photos),
            "against": comparison.against,
            "origin": comparison.origin,
        }
        lines.append(line)
    return lines


def _photo_lines(comparison: Comparison) -> list[dict[str, Any]]:
    lines = []
    for entry in comparison.entries:
        for photo in worst_first(entry.row):
            values = {name: "inf" if one is None else one for name, one in entry.row.per_image[photo].items()}
            lines.append(_protocol(entry.row) | {"image": photo} | values)
    return lines


def _protocol(row: Row) -> dict[str, Any]:
    return {key: getattr(row, key) for key in _PLAIN} | {"degradations": ", ".join(row.degradations)}


def as_markdown(comparisons: Sequence[Comparison], device: str = "", per_image: bool = False) -> str:
    """Tables for a README; the best score in bold where it is beyond doubt."""
    parts = []
    for one in comparisons:
        headings, rows = grid(one, bold="**{}**", escape=markdown)
        parts += [f"**{markdown(title(one))}**", _markdown_table(headings, rows), markdown(how_measured(one, device))]
        parts += [f"- {markdown(note)}" for note in notes(one)]
        if per_image:
            parts.append(_markdown_table(*_escaped(*per_image_grid(one), markdown)))
    return "\n\n".join(parts) + "\n"


def _markdown_table(headings: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    """Cells are escaped already."""
    lines = [headings, ["---"] + ["---:"] * (len(headings) - 1), *rows]
    return "\n".join(f"| {' | '.join(cells)} |" for cells in lines)


def as_latex(comparisons: Sequence[Comparison], device: str = "", per_image: bool = False) -> str:
    """Tables for a paper, for the package booktabs; the best score in bold where it is beyond doubt."""
    parts = []
    for one in comparisons:
        headings, rows = grid(one, bold="\\textbf{{{}}}", escape=latex)
        caption = latex(". ".join([title(one), how_measured(one, device), *notes(one)]) + ".")
        parts.append(_latex_table(headings, rows, caption))
        if per_image:
            names, cells = _escaped(*per_image_grid(one), latex)
            parts.append(_latex_table(names, cells, latex(f"{title(one)}, by image.")))
    return "\n".join(parts)


def _latex_table(headings: Sequence[str], rows: Sequence[Sequence[str]], caption: str) -> str:
    lines = ["\\begin{table}", "\\centering", f"\\caption{{{caption}}}"]
    lines += [f"\\begin{{tabular}}{{l{'r' * (len(headings) - 1)}}}", "\\toprule"]
    lines += [" & ".join(headings) + " \\\\", "\\midrule"]
    lines += [" & ".join(row) + " \\\\" for row in rows]
    return "\n".join([*lines, "\\bottomrule", "\\end{tabular}", "\\end{table}", ""])


def _escaped(
    headings: Sequence[str], rows: Sequence[Sequence[str]], escape: Callable[[str], str]
) -> tuple[list[str], list[list[str]]]:
    return list(map(escape, headings)), [list(map(escape, row)) for row in rows]


def title(comparison: Comparison) -> str:
    """Set, scale and number of images."""
    row = comparison.entries[0].row
    return f"{row.set}, x{row.scale}, {row.images} image{'' if row.images == 1 else 's'}"


def grid(comparison: Comparison, bold: str, escape: Callable[[str], str]) -> tuple[list[str], list[list[str]]]:
    """Headings and cells, escaped; the best score of a column as `bold` has it."""
    metrics = comparison.metrics
    described = {name: next(one.row.metrics[name] for one in comparison.entries) for name in metrics}
    headings = ["model"] + [f"{n.upper()}{f' ({m.unit})' if m.unit else ''}" for n, m in described.items()]
    rows = []
    for entry in comparison.entries:
        cells = [escape(model_figure(entry))]
        for name, metric in described.items():
            figure = escape(mean_figure(entry, name))
            figure = bold.format(figure) if comparison.best.get(name) == entry.row.model else figure
            gap = entry.differences.get(name)
            if gap is not None:
                interval = interval_figure(gap, metric, entry)
                figure += escape(f" {gap_figure(gap.mean, metric)}" + (f" ({interval})" if interval else ""))
            cells.append(figure)
        rows.append(cells)
    for heading, figures in _costs(comparison.entries).items():
        headings.append(heading)
        for row, figure in zip(rows, figures, strict=True):
            row.append(escape(figure))
    return list(map(escape, headings)), rows


def _costs(entries: Sequence[Entry]) -> dict[str, list[str]]:
    """What the models take, by heading; rows of several runs say how many in the place of times taken in turns."""
    times = [f"{time_figure(one.row.seconds_per_megapixel)} {spread_figure(one.time_spread)}" for one in entries]
    columns = {
        "params": [count_figure(one.row.parameters) for one in entries],
        "MACs/MP": [macs_figure(one.macs_per_megapixel) for one in entries],
        "time/MP": [time.strip() for time in times],
        "memory": [bytes_figure(one.peak_memory) for one in entries],
        "trained on": [one.trained_on or "-" for one in entries],
    }
    if not any(one.repetition for one in entries):
        return columns
    seeds, training = zip(*map(repeated_figures, entries), strict=True)
    columns = {"seeds": list(seeds), "training": list(training), **columns}
    return {heading: figures for heading, figures in columns.items() if set(figures) != {"-"}}
