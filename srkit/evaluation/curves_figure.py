"""Curves as one picture: panels of lines in a grid, runs overlaid, drawn by matplotlib."""

from __future__ import annotations

import io
import math
from collections.abc import Mapping, Sequence, Set
from typing import Any

from srkit.errors import UserError
from srkit.evaluation.curves import Line, Panel, Point, Scatter, smoothed, smoothing_span
from srkit.printable import printable

__all__ = ["COLOURS", "curves_figure"]

# Okabe and Ito's colours, which stay apart for those too who see two of the three primary ones; the yellow left out,
# because on white nobody sees it.
COLOURS = ("#0072b2", "#d55e00", "#009e73", "#cc79a7", "#e69f00", "#56b4e9", "#000000")
OTHERS = "#8a8a90"
STYLES: tuple[Any, ...] = ("-", (0, (4, 1.6)), (0, (1.2, 1.2)))
INK, QUIET_INK, GRID, PAPER = "#1c1c20", "#6a6a70", "#e4e4e8", "#ffffff"
COLUMNS, PANEL_SIZE, DPI = 3, (5.0, 3.1), 120
ALONE_SIZE = (7.6, 4.8)
RADIUS = 6.0
LEADER = "#b8b8be"
FEW = 25
"""Points of a line up to which each is marked: else a run with one log line would show nothing."""


def curves_figure(title: str, panels: Sequence[Panel], scatters: Sequence[Scatter], runs: Sequence[str]) -> bytes:
    """Draw panels, scatters after them.

    Args:
        title: what the picture shows.
        panels, scatters: one or more of either.
        runs: names in the legend's order; each has its colour throughout.

    Returns:
        A PNG file's content.

    Raises:
        UserError: matplotlib is not installed; says how to install it.
    """
    new_figure = _matplotlib()
    colours = _colours(runs)
    count = len(panels) + len(scatters)
    columns = _columns(count)
    rows = -(-count // columns)
    panel_size = PANEL_SIZE if count > 1 else ALONE_SIZE
    height = panel_size[1] * rows + 1.0
    figure = new_figure(figsize=(panel_size[0] * columns, height), dpi=DPI, facecolor=PAPER)
    axes = [figure.add_subplot(rows, columns, place + 1) for place in range(count)]
    of_panels, of_scatters = axes[: len(panels)], axes[len(panels) :]
    last = max((line.series.steps[-1] for panel in panels for line in panel.lines), default=1)
    spans = {
        span for panel, axis in zip(panels, of_panels, strict=True) for span in _draw_panel(axis, panel, colours, last)
    }
    for scatter, axis in zip(scatters, of_scatters, strict=True):
        _draw_scatter(axis, scatter, colours)
    shown = dict.fromkeys(line.run for panel in panels for line in panel.lines)
    legend_rows = _draw_head(figure, title, {run: colours[run] for run in shown}, height)
    foot = _draw_foot(figure, spans - {1}, height)
    rect = (0.004, foot / height, 0.996, 1 - (0.5 + 0.24 * legend_rows) / height)
    figure.tight_layout(rect=rect, h_pad=1.6, w_pad=1.8)
    for scatter, axis in zip(scatters, of_scatters, strict=True):
        _label_points(axis, scatter.points)
    file = io.BytesIO()
    figure.savefig(file, format="png", facecolor=PAPER)
    return file.getvalue()


def _matplotlib() -> Any:
    """The class of figures that need no window and no global state."""
    try:
        from matplotlib.backends.backend_agg import FigureCanvasAgg
        from matplotlib.figure import Figure
    except ImportError as error:
        raise UserError(
            "curves are drawn by matplotlib, which is not installed: pip install 'srkit[figures]'"
        ) from error

    def figure(**how: Any) -> Any:
        made = Figure(**how)
        FigureCanvasAgg(made)
        return made

    return figure


def _colours(runs: Sequence[str]) -> dict[str, str]:
    """A colour for each run: where the palette is too short, colours of the rainbow in order."""
    if len(runs) <= len(COLOURS):
        return dict(zip(runs, COLOURS, strict=False))
    from matplotlib import colormaps
    from matplotlib.colors import to_hex

    rainbow = colormaps["turbo"]
    return {run: to_hex(rainbow(0.05 + 0.9 * place / (len(runs) - 1))) for place, run in enumerate(runs)}


def _columns(count: int) -> int:
    """As many as leave few places empty: four panels are two and two."""
    return count if count <= COLUMNS else 2 if count == 4 else COLUMNS


def _draw_panel(axis: Any, panel: Panel, colours: Mapping[str, str], last: int) -> set[int]:
    """Lines of a panel over the steps up to the last; gives over how many log lines they were averaged."""
    _dress(axis, panel.title, panel.unit)
    parts = list(dict.fromkeys(line.part for line in panel.lines))
    spans = {_draw_line(axis, line, panel.noisy, colours[line.run], parts.index(line.part)) for line in panel.lines}
    if panel.baseline is not None:
        name, value = panel.baseline
        axis.axhline(value, color=OTHERS, linewidth=1.2, linestyle=(0, (5, 2)), zorder=1)
        axis.annotate(
            _text(name), (0.0, value), xycoords=("axes fraction", "data"), xytext=(4, 2), textcoords="offset points",
            color=QUIET_INK, fontsize=8.5,
        )  # fmt: skip
    axis.set_xlabel("step", color=QUIET_INK, fontsize=9)
    # one range for all panels, so that what happened at one step stands in one place
    axis.set_xlim(-0.02 * last, 1.02 * last)
    axis.xaxis.get_major_locator().set_params(integer=True)
    if panel.log:
        axis.set_yscale("log")
    if len(parts) > 1:
        from matplotlib.lines import Line2D

        styles = [STYLES[place % len(STYLES)] for place in range(len(parts))]
        handles = [
            Line2D([], [], color=INK, linestyle=style, label=_text(part))
            for style, part in zip(styles, parts, strict=True)
        ]
        axis.legend(handles=handles, fontsize=8.5, frameon=False, labelcolor=INK, handlelength=2.2)
    return spans


def _draw_line(axis: Any, line: Line, noisy: bool, colour: str, part: int) -> int:
    span = smoothing_span(line.series) if noisy else 1
    style: dict[str, Any] = {"color": colour, "linestyle": STYLES[part % len(STYLES)], "linewidth": 1.6}
    marks = {"marker": "o", "markersize": 3} if len(line.series) <= FEW else {}
    if span > 1:
        axis.plot(line.series.steps, _plain(line.series.values), color=colour, linewidth=0.8, alpha=0.28)
    series = smoothed(line.series, span)
    axis.plot(series.steps, _plain(series.values), **style, **marks)
    return span


def _plain(values: Sequence[float | None]) -> list[float]:
    """Gaps as matplotlib knows them."""
    return [math.nan if value is None else value for value in values]


def _dress(axis: Any, title: str, unit: str) -> None:
    axis.set_title(_text(f"{title} ({unit})" if unit else title), loc="left", fontsize=10.5, color=INK, pad=7)
    axis.set_facecolor(PAPER)
    axis.grid(True, color=GRID, linewidth=0.8)
    axis.set_axisbelow(True)
    for side in ("top", "right"):
        axis.spines[side].set_visible(False)
    for side in ("left", "bottom"):
        axis.spines[side].set_color(LEADER)
    axis.tick_params(colors=QUIET_INK, labelsize=8.5, which="both")


def _draw_head(figure: Any, title: str, colours: Mapping[str, str], height: float) -> int:
    """The title and, for several runs, their legend; gives the legend's rows."""
    from matplotlib.lines import Line2D

    figure.text(0.012, 1 - 0.16 / height, _text(title), color=INK, fontsize=13, va="top", ha="left")
    if len(colours) < 2:
        return 0
    handles = [Line2D([], [], color=colour, linewidth=2.2, label=_text(run)) for run, colour in colours.items()]
    letters = figure.get_figwidth() * 11  # that fit into the width, at this size
    across = max(1, int(letters // (max(map(len, colours)) + 7)))
    figure.legend(
        handles=handles,
        loc="upper left",
        bbox_to_anchor=(0.012, 1 - 0.46 / height),
        ncols=min(across, len(handles)),
        fontsize=9.5,
        frameon=False,
        labelcolor=INK,
        borderaxespad=0,
        borderpad=0,
        columnspacing=1.6,
        handlelength=1.6,
    )
    return -(-len(handles) // min(across, len(handles)))


def _draw_foot(figure: Any, spans: Set[int], height: float) -> float:
    """Says what was smoothed; gives the inches it takes."""
    if not spans:
        return 0.06
    over = " or ".join(str(span) for span in sorted(spans))
    words = f"bold lines: the mean over {over} log lines; faint: as logged"
    figure.text(0.012, 0.09 / height, words, color=QUIET_INK, fontsize=9, va="bottom")
    return 0.28


def _text(name: str) -> str:
    """A name as matplotlib shows it unchanged: no formula, and no underscore in front, which would hide it."""
    escaped = printable(name).replace("$", r"\$")
    return f"\u200a{escaped}" if escaped.startswith("_") else escaped


def _draw_scatter(axis: Any, scatter: Scatter, colours: Mapping[str, str]) -> None:
    _dress(axis, f"{scatter.y.upper()} against {scatter.x.upper()}", "")
    for point in scatter.points:
        axis.plot([point.x], [point.y], "o", color=colours.get(point.model, OTHERS), markersize=7)
    axis.margins(0.16, 0.16)
    unit = f" ({scatter.x_metric.unit})" if scatter.x_metric.unit else ""
    axis.set_xlabel(
        f"{_text(scatter.x + unit)}, better to the right\n{_text(scatter.set)}", color=QUIET_INK, fontsize=9
    )
    axis.set_ylabel(_text(f"{scatter.y}, better below"), color=QUIET_INK, fontsize=9)


def _label_points(axis: Any, points: Sequence[Point]) -> None:
    """Names beside the points, as near as they have room without covering points and other names."""
    from matplotlib.transforms import Bbox

    places = [tuple(map(float, axis.transData.transform((point.x, point.y)))) for point in points]
    taken = [Bbox.from_bounds(x - RADIUS, y - RADIUS, 2 * RADIUS, 2 * RADIUS) for x, y in places]
    frame = axis.get_window_extent()
    for point, (x, y) in zip(points, places, strict=True):
        text = axis.annotate(
            _text(point.model), (point.x, point.y), xytext=(0, 0), textcoords="offset pixels", fontsize=8.5, color=INK
        )
        box = text.get_window_extent()
        offset = _free_offset(box.width, box.height, (x, y), taken, frame)
        text.set_position((offset[0], offset[1] - (box.y0 - y)))
        taken.append(Bbox.from_bounds(x + offset[0], y + offset[1], box.width, box.height))
        if abs(offset[1] + box.height / 2) > box.height:
            near = offset[0] if offset[0] > 0 else offset[0] + box.width
            to = axis.transData.inverted().transform((x + near, y + offset[1] + box.height / 2))
            axis.plot([point.x, to[0]], [point.y, to[1]], color=LEADER, linewidth=0.8, zorder=1)


def _free_offset(
    width: float, height: float, point: tuple[float, float], taken: Sequence[Any], frame: Any
) -> tuple[float, float]:
    """Where a name of that size has room, from its point to its lower left corner, in pixels; the nearest such place.

    Where there is none, right beside the point.
    """
    from matplotlib.transforms import Bbox

    x, y = point
    level = -height / 2
    heights = [level + sign * step * 0.6 * height for step in range(16) for sign in ((1, -1) if step else (1,))]
    for gap in (RADIUS + 5, 4 * RADIUS):
        for offset in ((side, up) for up in heights for side in (gap, -gap - width)):
            box = Bbox.from_bounds(x + offset[0], y + offset[1], width, height)
            inside = frame.x0 <= box.x0 and box.x1 <= frame.x1 and frame.y0 <= box.y0 and box.y1 <= frame.y1
            if inside and not box.count_overlaps(taken):
                return offset
    return RADIUS + 5, level
