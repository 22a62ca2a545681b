"""Charts as SVG: lines over the steps, and distortion against perception; colours are the page's."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence

from srkit.evaluation.curves import Line, Panel, Scatter, Series, smoothed, smoothing_span
from srkit.evaluation.report.axes import BOTTOM, HEIGHT, LEFT, RIGHT, TOP, WIDTH, Axis, frame, label
from srkit.evaluation.report.markup import Html, joined, tag

__all__ = ["COLOURS", "last_values", "legend", "panel_chart", "scatter_chart"]

COLOURS = 8
"""Colours the page has for runs; further runs begin again with dashed lines."""

MOST_POINTS = 300
"""Points of a line: more than these are no wider than a pixel of the chart."""


def legend(numbers: Mapping[str, int]) -> Html:
    """The runs with their colours; each is a button that hides and shows its lines."""
    buttons = [
        tag("button", _swatch(number), name, type="button", aria_pressed="true", data_toggles=number)
        for name, number in numbers.items()
    ]
    return tag("div", *buttons, class_="legend", role="group", aria_label="Runs in the charts")


def _swatch(number: int) -> Html:
    line = tag("line", x1=0, y1=5, x2=22, y2=5, class_=_run_class(number))
    return tag("svg", line, viewBox="0 0 22 10", width=22, height=10, aria_hidden="true")


def _run_class(number: int, part: int = 0) -> str:
    again = " again" if number >= COLOURS else ""
    return f"run c{number % COLOURS}{again}{f' part{part}' if part else ''}"


def panel_chart(panel: Panel, numbers: Mapping[str, int]) -> Html:
    """Lines of several runs over the steps, as a figure.

    Args:
        panel: at least one line.
        numbers: each run's number, which its colour goes by.
    """
    span = max(smoothing_span(line.series) for line in panel.lines) if panel.noisy else 1
    lines = [(line, smoothed(line.series, span) if span > 1 else line.series) for line in panel.lines]
    known = [value for _, series in lines for value in series.values if value is not None]
    if known and panel.baseline is not None:
        known.append(panel.baseline[1])
    steps = [step for line in panel.lines for step in line.series.steps]
    if not known:
        return tag("figure", tag("figcaption", f"{panel.title}: no value is finite"), class_="chart")
    x = Axis.over(0, max(steps), LEFT, RIGHT, whole=True)
    y = Axis.over(min(known), max(known), BOTTOM, TOP, log=panel.log)
    parts = list(dict.fromkeys(line.part for line in panel.lines))
    drawn = [_line(line, series, x, y, numbers[line.run], parts.index(line.part)) for line, series in lines]
    runs = list(dict.fromkeys(line.run for line in panel.lines))
    spoken = f"{panel.title} over steps of {', '.join(runs)}, between {label(min(known))} and {label(max(known))}"
    svg = tag(
        "svg",
        tag("title", spoken),
        frame(x, y, "steps"),
        _baseline(panel.baseline, y) if panel.baseline is not None else None,
        *drawn,
        viewBox=f"0 0 {WIDTH} {HEIGHT}",
        role="img",
        class_="plot",
        tabindex=0,
        data_x=x.for_script(),
        data_y=y.for_script(),
    )
    return tag("figure", _caption(panel, parts, span), svg, tag("output", class_="reading"), class_="chart")


def _baseline(baseline: tuple[str, float], y: Axis) -> Html:
    """What the lines are compared with, across the whole chart, with its name above."""
    name, value = baseline
    place = f"{y.at(value):.1f}"
    line = tag("line", x1=LEFT, x2=RIGHT, y1=place, y2=place)
    words = tag("text", name, x=LEFT + 4, y=f"{max(TOP + 10, y.at(value) - 4):.1f}")
    return tag("g", line, words, class_="baseline", data_value=f"{value:.4g}", data_name=name)


def _caption(panel: Panel, parts: Sequence[str], span: int) -> Html:
    how = [panel.unit, "logarithmic" if panel.log else "", f"mean over {span} lines" if span > 1 else ""]
    said = ", ".join(one for one in how if one)
    keys = [tag("span", _part_swatch(number), part, class_="key") for number, part in enumerate(parts) if part]
    return tag("figcaption", tag("b", panel.title), f" ({said})" if said else None, *keys)


def _part_swatch(number: int) -> Html:
    line = tag("line", x1=0, y1=5, x2=22, y2=5, class_=f"run plain{f' part{number}' if number else ''}")
    return tag("svg", line, viewBox="0 0 22 10", width=22, height=10, aria_hidden="true")


def _line(line: Line, series: Series, x: Axis, y: Axis, number: int, part: int) -> Html:
    """A run's line, broken where a number was not finite; a single value is a dot."""
    name = f"{line.run} {line.part}".strip()
    pieces = []
    for points in _pieces(series):
        thin = _thinned(points)
        places = [(x.at(step), y.at(value)) for step, value in thin]
        if len(places) == 1:
            pieces.append(tag("circle", cx=f"{places[0][0]:.1f}", cy=f"{places[0][1]:.1f}", r=3))
        else:
            pieces.append(tag("polyline", points=" ".join(f"{left:.1f},{top:.1f}" for left, top in places)))
    return tag("g", *pieces, class_=_run_class(number, part), data_run=number, data_name=name)


def _pieces(series: Series) -> Iterator[list[tuple[int, float]]]:
    piece: list[tuple[int, float]] = []
    for step, value in zip(series.steps, series.values, strict=True):
        if value is not None:
            piece.append((step, value))
        elif piece:
            yield piece
            piece = []
    if piece:
        yield piece


def _thinned(points: Sequence[tuple[int, float]]) -> list[tuple[int, float]]:
    """At most about `MOST_POINTS`: of each stretch its lowest and highest value, so that no peak is lost."""
    if len(points) <= MOST_POINTS:
        return list(points)
    stretch = math.ceil(len(points) / (MOST_POINTS // 2))
    kept = {0, len(points) - 1}
    for start in range(0, len(points), stretch):
        places = range(start, min(start + stretch, len(points)))
        kept |= {min(places, key=lambda one: points[one][1]), max(places, key=lambda one: points[one][1])}
    return [points[place] for place in sorted(kept)]


def scatter_chart(scatter: Scatter, numbers: Mapping[str, int]) -> Html:
    """Models by distortion and perception, as a figure; better is to the right and up.

    Args:
        scatter: two points or more.
        numbers: each run's number, which its colour goes by; a model without one is grey.
    """
    across = [point.x for point in scatter.points]
    upward = [point.y for point in scatter.points]
    x = Axis.over(min(across), max(across), LEFT, RIGHT)
    y = Axis.over(min(upward), max(upward), TOP, BOTTOM)  # less is better, and better is up
    dots = [_dot(point.model, x.at(point.x), y.at(point.y), numbers.get(point.model)) for point in scatter.points]
    unit = f" ({scatter.x_metric.unit})" if scatter.x_metric.unit else ""
    title = f"{scatter.y.upper()} against {scatter.x.upper()}"
    spoken = "; ".join(f"{one.model}: {label(one.x)}, {label(one.y)}" for one in scatter.points)
    svg = tag(
        "svg",
        tag("title", f"{title}. {spoken}"),
        frame(x, y, f"{scatter.x.upper()}{unit}, better to the right"),
        *dots,
        viewBox=f"0 0 {WIDTH} {HEIGHT}",
        role="img",
    )
    caption = tag("figcaption", tag("b", title), ": better is up and to the right")
    return tag("figure", caption, svg, class_="chart")


def _dot(model: str, left: float, top: float, number: int | None) -> Html:
    kind = _run_class(number) if number is not None else "run plain"
    end = left > (LEFT + RIGHT) / 2
    return tag(
        "g",
        tag("circle", cx=f"{left:.1f}", cy=f"{top:.1f}", r=4.5),
        tag(
            "text",
            model,
            x=f"{left - 9 if end else left + 9:.1f}",
            y=f"{top + 4:.1f}",
            text_anchor="end" if end else "start",
        ),
        class_=f"{kind} dot",
        data_run=number,
    )


def last_values(panels: Sequence[Panel]) -> tuple[list[str], list[list[str]]]:
    """The numbers that the lines end with, as a table: headings and lines, one a run."""
    columns: dict[str, dict[str, str]] = {"at step": {}}
    for panel in panels:
        for line in panel.lines:
            unit = f" ({panel.unit})" if panel.unit else ""
            heading = f"{panel.title}{unit}{f', {line.part}' if line.part else ''}"
            value = next((one for one in reversed(line.series.values) if one is not None), None)
            columns.setdefault(heading, {})[line.run] = "-" if value is None else f"{value:.4g}"
            last = max(line.series.steps[-1], int(columns["at step"].get(line.run, 0)))
            columns["at step"][line.run] = str(last)
    runs = list(dict.fromkeys(line.run for panel in panels for line in panel.lines))
    return ["run", *columns], [[run, *(column.get(run, "-") for column in columns.values())] for run in runs]


def chart_grid(charts: Sequence[Html]) -> Html:
    """Charts side by side as far as the page is wide."""
    return tag("div", joined(*charts), class_="charts")
