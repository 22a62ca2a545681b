"""Tables as a page has them: scores with their differences, the same figures and sentences as in a terminal."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

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
from srkit.evaluation.bench.worst import per_image_grid, worst_note
from srkit.evaluation.figures import count_figure, gap_figure, score_figure, time_figure
from srkit.evaluation.report.markup import Html, joined, tag
from srkit.evaluation.rows import MetricMean, Row
from srkit.evaluation.statistics import Difference

__all__ = ["comparison_html", "figures_by_photo", "grid", "note_list"]

UP, DOWN = "\N{UPWARDS ARROW}", "\N{DOWNWARDS ARROW}"
"""Which way is better."""


def grid(caption: str, headings: Sequence[str], lines: Sequence[Sequence[str]], class_: str = "") -> Html:
    """A table whose first column names its lines; what is wider than the page can be scrolled, by keyboard too.

    Args:
        caption: what it shows; read out, and not seen, because a heading stands above it.
        headings: of the columns; cells of markup, or text.
        lines: cells; cells of markup, or what goes into one.
        class_: of the table.
    """
    head = tag("tr", *(one if isinstance(one, Html) else tag("th", one, scope="col") for one in headings))
    body = [tag("tr", tag("th", line[0], scope="row"), *(_cell(one) for one in line[1:])) for line in lines]
    table = tag(
        "table",
        tag("caption", caption, class_="unseen"),
        tag("thead", head),
        tag("tbody", *body),
        class_=class_ or None,
    )
    return tag("div", table, class_="wide", tabindex=0, role="region", aria_label=caption)


def _cell(content: str) -> Html:
    return content if isinstance(content, Html) and content.startswith("<td") else tag("td", content)


def comparison_html(comparison: Comparison) -> Html:
    """A comparison with how it was measured, what a reader must know, and the scores photo by photo."""
    headings, lines = per_image_grid(comparison)
    by_photo = tag(
        "details",
        tag("summary", f"{headings[0]}: {worst_note(comparison)}"),
        grid(headings[0], ["photo", *headings[1:]], lines, class_="scores"),
    )
    return joined(
        grid(_title(comparison), *_scores(comparison), class_="scores"),
        tag("p", f"{_sentence(how_measured(comparison))}.", class_="how"),
        note_list(notes(comparison)),
        by_photo if comparison.entries[0].row.images else None,
    )


def note_list(sentences: Sequence[str]) -> Html | None:
    """Sentences, warnings among them marked; nothing for none."""
    if not sentences:
        return None
    return tag("ul", *(tag("li", one, class_=_note_class(one)) for one in sentences), class_="notes")


def _note_class(sentence: str) -> str | None:
    return "warning" if sentence.startswith("warning") else None


def _title(comparison: Comparison) -> str:
    row = comparison.entries[0].row
    return f"Scores on {row.set}, x{row.scale}, {row.images} image{'' if row.images == 1 else 's'}"


def _sentence(text: str) -> str:
    return text[:1].upper() + text[1:]


def _scores(comparison: Comparison) -> tuple[list[str], list[list[str]]]:
    """Headings and lines; a column that nobody has anything for is left out."""
    described = {
        name: next(one.row.metrics[name] for one in comparison.entries if name in one.row.metrics)
        for name in comparison.metrics
    }
    headings = ["model", *(f"{name.upper()}{_arrow(one)}" for name, one in described.items())]
    lines: list[list[str]] = [
        [model_figure(entry), *(_score(comparison, entry, name, one) for name, one in described.items())]
        for entry in comparison.entries
    ]
    for heading, cells in _costs(comparison.entries).items():
        if any(cell != "-" for cell in cells):
            headings.append(heading)
            lines = [[*line, cell] for line, cell in zip(lines, cells, strict=True)]
    trained = [entry.trained_on or "-" for entry in comparison.entries]
    if any(one != "-" for one in trained):
        headings.append(tag("th", "trained on", scope="col", class_="words"))
        lines = [[*line, tag("td", one, class_="words")] for line, one in zip(lines, trained, strict=True)]
    return headings, lines


def _arrow(metric: MetricMean) -> str:
    unit = f" ({metric.unit})" if metric.unit else ""
    return f"{unit} {UP if metric.higher_is_better else DOWN}"


def _score(comparison: Comparison, entry: Entry, name: str, described: MetricMean) -> Html:
    if name not in entry.row.metrics:
        return tag("td", "-")
    best = comparison.best.get(name) == entry.row.model
    gap = entry.differences.get(name)
    return tag(
        "td",
        tag(
            "strong" if best else "span",
            mean_figure(entry, name),
            title="best beyond doubt" if best else None,
            class_="baseline" if entry.row.is_baseline else None,
        ),
        _gap(gap, described, entry) if gap is not None else None,
    )


def _gap(gap: Difference, metric: MetricMean, entry: Entry) -> Html:
    """The difference and its interval, on lines beneath the score so that scores stand below each other."""
    interval = interval_figure(gap, metric, entry)
    return tag(
        "div",
        tag("span", gap_figure(gap.mean, metric), class_=gap_kind(gap, metric, entry)),
        tag("div", interval) if interval else None,
        class_="gap",
    )


def _costs(entries: Sequence[Entry]) -> dict[str, list[str]]:
    """What models take, by heading; of rows that stand for several runs, how many these are."""
    seeds, training = zip(*map(repeated_figures, entries), strict=True)
    times = [(time_figure(one.row.seconds_per_megapixel), spread_figure(one.time_spread)) for one in entries]
    return {
        "seeds": list(seeds),
        "training": list(training),
        "params": [count_figure(one.row.parameters) for one in entries],
        "MACs/MP": [macs_figure(one.macs_per_megapixel) for one in entries],
        "time/MP": [f"{time} {spread}".strip() for time, spread in times],
        "memory": [bytes_figure(one.peak_memory) for one in entries],
    }


def figures_by_photo(comparison: Comparison) -> dict[str, dict[str, str]]:
    """The first metric with its unit, by model and photo: what stands beside a picture."""
    return {one.row.model: _figures(one.row) for one in comparison.entries if one.row.metrics}


def _figures(row: Row) -> dict[str, str]:
    name, metric = next(iter(row.metrics.items()))
    values = {photo: replace(metric, mean=scores[name], left_out=()) for photo, scores in row.per_image.items()}
    return {photo: f"{score_figure(value)} {metric.unit}".strip() for photo, value in values.items()}
