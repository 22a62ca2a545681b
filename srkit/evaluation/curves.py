"""The numbers of runs over their steps, as panels of lines that anything can draw: losses, rates, accuracy, scores."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from srkit.errors import UserError
from srkit.evaluation.rows import MetricMean, Row, by_protocol, lr_origin
from srkit.evaluation.validated_on import ValidatedOn, groups, validated_on
from srkit.json_files import DAMAGED, parsed
from srkit.plain_files import plain_text

__all__ = [
    "Line",
    "Panel",
    "Point",
    "RunCurves",
    "Scatter",
    "Series",
    "panels",
    "read_curves",
    "scatters",
    "smoothed",
    "smoothing_span",
]

METRICS, VALIDATION = "metrics.jsonl", "validation.jsonl"
GENERAL = ("loss", "discriminator", "images_per_second", "waiting", "memory")
"""Numbers of a log line without a stroke in their name that are no loss of the experiment's."""

ACCURACY = {"real": "discriminator/accuracy_real", "fake": "discriminator/accuracy_fake"}
WIDEST_LOG = 10_000
"""A logarithmic axis shows values whose largest is so many times the smallest, and no more."""

SMOOTHED_FROM = 120
"""Log lines from which a line is smoothed: fewer are legible as they are."""


@dataclass(frozen=True)
class Series:
    """One number over the steps.

    Attributes:
        steps: rising.
        values: None where the number was not finite: a gap.
    """

    steps: tuple[int, ...]
    values: tuple[float | None, ...]

    def __len__(self) -> int:
        return len(self.steps)


@dataclass(frozen=True)
class RunCurves:
    """What a run wrote down so far.

    Attributes:
        name: what to call it in a legend.
        folder: the run's.
        metrics: the series of metrics.jsonl by name; empty before the first log line.
        validation: those of validation.jsonl by the metric's name; empty before the first validation.
        units: of the metrics in validation, as far as scores.json tells.
        validated_on: the set that the scores in validation are of.
    """

    name: str
    folder: Path
    metrics: Mapping[str, Series]
    validation: Mapping[str, Series]
    units: Mapping[str, str]
    validated_on: ValidatedOn = field(default_factory=ValidatedOn)


@dataclass(frozen=True)
class Line:
    """One line of a panel.

    Attributes:
        run: whose.
        part: what tells it from the other lines of the run in this panel, such as "real"; empty where it is alone.
        series: its numbers.
    """

    run: str
    part: str
    series: Series


@dataclass(frozen=True)
class Panel:
    """Lines that share axes.

    Attributes:
        title: what is shown, such as "PSNR-Y".
        unit: of the values; empty for none.
        lines: those of the first run first.
        log: whether a logarithmic axis shows more.
        noisy: whether the values are of single batches, so that smoothing helps.
        baseline: what the lines are to be above or below, with its value; None where it is not known.
    """

    title: str
    unit: str
    lines: tuple[Line, ...]
    log: bool = False
    noisy: bool = False
    baseline: tuple[str, float] | None = None


@dataclass(frozen=True)
class Point:
    """A model in a scatter."""

    model: str
    x: float
    y: float


@dataclass(frozen=True)
class Scatter:
    """Distortion against perception: models that were judged alike.

    Attributes:
        set: on which photos and how, in words.
        x, y: the metrics' names; x is the distortion's, y the perceptual one's.
        x_metric, y_metric: their units and directions.
        points: in the rows' order.
    """

    set: str
    x: str
    y: str
    x_metric: MetricMean
    y_metric: MetricMean
    points: tuple[Point, ...]


def read_curves(run: Path, name: str | None = None) -> RunCurves:
    """Read what a run, perhaps one that trains this moment, wrote down.

    Args:
        run: its folder.
        name: for legends; the folder's by default.

    Raises:
        UserError: it is no run folder, or a file in it is not what srkit writes.
    """
    if not (run / "experiment.toml").is_file():
        raise UserError(f"{run}: this is not a run folder (it has no experiment.toml)")
    rows = _scored(run / "scores.json")
    units = {metric: one.unit for row in rows for metric, one in row.metrics.items()}
    series = _series(run / METRICS), _series(run / VALIDATION)
    return RunCurves(name or run.resolve().name, run, *series, units, validated_on(run, rows))


def _series(path: Path) -> dict[str, Series]:
    try:
        lines = plain_text(path).splitlines(keepends=True)
    except FileNotFoundError:
        return {}
    except (OSError, UnicodeDecodeError) as error:
        raise UserError(f"{path}: cannot be read: {error}") from error
    if lines and not lines[-1].endswith("\n"):
        lines.pop()  # it is being written
    found: dict[str, list[tuple[int, float | None]]] = {}
    for number, line in enumerate(lines, start=1):
        step, numbers = _record(path, number, line)
        for key, value in numbers.items():
            found.setdefault(key, []).append((step, value))
    return {key: Series(*zip(*values, strict=True)) for key, values in found.items()}


def _record(path: Path, number: int, line: str) -> tuple[int, dict[str, float | None]]:
    """A line's step and its other numbers."""
    try:
        record = parsed(line)
        step = int(record.pop("step"))
        numbers = {key: _number(value) for key, value in record.items() if value is None or _is_number(value)}
    except DAMAGED:
        raise UserError(f"{path}:{number}: not a line that srkit writes (a JSON object with a step)") from None
    return step, numbers


def _is_number(value: Any) -> bool:
    return isinstance(value, (int, float)) and not isinstance(value, bool)


def _number(value: float | None) -> float | None:
    return float(value) if value is not None and math.isfinite(value) else None


def _scored(path: Path) -> list[Row]:
    """The rows of a scores.json; none where there is no such file yet."""
    from srkit.evaluation.scores_file import read_scores

    return read_scores(path) if path.is_file() else []


def panels(runs: Sequence[RunCurves]) -> list[Panel]:
    """What there is to see of runs, overlaid: losses, the discriminator's loss and accuracy, learning rates, scores.

    Losses are as in metrics.jsonl: before their weights, and `loss` the weighted sum. A panel has the runs that have
    such a number.
    """
    losses = [_losses(runs, name) for name in _loss_names(runs)]
    found = [
        *losses,
        _panel(runs, "discriminator's loss", {"": "discriminator"}, noisy=True),
        _panel(runs, "discriminator's accuracy", ACCURACY, noisy=True),
        _rates(runs),
        *_scores(runs),
    ]
    return [one for one in found if one.lines]


def _loss_names(runs: Sequence[RunCurves]) -> list[str]:
    """The weighted sum and each loss; the sum alone is left out where it is the one loss again."""
    names = dict.fromkeys(name for run in runs for name in run.metrics if _is_loss(name))
    same = all(
        len(own := [name for name in names if name in run.metrics]) == 1
        and run.metrics[own[0]].values == run.metrics["loss"].values
        for run in runs
        if "loss" in run.metrics
    )
    return [*([] if same else ["loss"]), *names]


def _is_loss(name: str) -> bool:
    return "/" not in name and name not in GENERAL and name not in ("lr", "time") and not name.startswith("lr_")


def _losses(runs: Sequence[RunCurves], name: str) -> Panel:
    title = "sum of losses, weighted" if name == "loss" else f"loss {name}"
    return _panel(runs, title, {"": name}, log=True, noisy=True)


def _rates(runs: Sequence[RunCurves]) -> Panel:
    roles = dict.fromkeys(name for run in runs for name in run.metrics if name == "lr" or name.startswith("lr_"))
    several = len(roles) > 1
    parts = {("generator" if name == "lr" else name.removeprefix("lr_")) if several else "": name for name in roles}
    return _panel(runs, "learning rate", parts, log=True)


def _scores(runs: Sequence[RunCurves]) -> list[Panel]:
    """A panel for each metric and validation set."""
    runs = [run for run in runs if run.validation]
    units = {name: unit for run in runs for name, unit in run.units.items()}
    alike = [[runs[place] for place in places] for places in groups([run.validated_on for run in runs])]
    titles = _set_titles([own[0].validated_on for own in alike])
    names = dict.fromkeys(name for run in runs for name in run.validation)
    return [
        Panel(
            f"{name.upper()} of validation{title}",
            units.get(name, ""),
            lines,
            baseline=_baseline(own, name),
        )
        for name in names
        for own, title in zip(alike, titles, strict=True)
        if (lines := tuple(Line(run.name, "", run.validation[name]) for run in own if name in run.validation))
    ]


def _set_titles(sets: Sequence[ValidatedOn]) -> list[str]:
    """What tells several sets apart: their names, with the scale or a number where these are the same."""
    if len(sets) < 2:
        return [""] * len(sets)
    names = [one.name or "a set" for one in sets]
    if len(set(names)) < len(names) and len({one.scale for one in sets}) > 1:
        names = [f"{name}, x{one.scale}" for name, one in zip(names, sets, strict=True)]
    counts = {name: names.count(name) for name in names}
    seen: dict[str, int] = {}
    titles = []
    for name in names:
        seen[name] = seen.get(name, 0) + 1
        titles.append(f" on {name}" + (f", LR made in way {seen[name]}" if counts[name] > 1 else ""))
    return titles


def _baseline(runs: Sequence[RunCurves], metric: str) -> tuple[str, float] | None:
    for run in runs:
        name, means = run.validated_on.baseline
        if metric in means:
            return name, means[metric]
    return None


def _panel(
    runs: Sequence[RunCurves], title: str, parts: Mapping[str, str], *, log: bool = False, noisy: bool = False
) -> Panel:
    lines = tuple(
        Line(run.name, part, run.metrics[name]) for run in runs for part, name in parts.items() if name in run.metrics
    )
    return Panel(title, "", lines, log and _spans_decades(lines), noisy)


def _spans_decades(lines: Iterable[Line]) -> bool:
    """Whether a logarithmic axis can show the values, and shows more of them: not of a rate that ends near 0."""
    values = [value for line in lines for value in line.series.values if value is not None]
    return bool(values) and min(values) > 0 and 5 * min(values) < max(values) < WIDEST_LOG * min(values)


def smoothing_span(series: Series) -> int:
    """Over how many log lines a line should be averaged, an odd number; 1 for not at all."""
    return 1 if len(series) < SMOOTHED_FROM else 2 * (len(series) // 80) + 1


def smoothed(series: Series, span: int) -> Series:
    """The centred moving mean over `span` log lines, an odd number.

    The first lines are averaged over fewer, as many before as after, because losses fall steeply there; the last ones
    over those that are there. Gaps count as nothing and stay gaps.
    """
    half, values = span // 2, []
    for place, value in enumerate(series.values):
        before = min(half, place)
        after = half if before == half else before
        near = [one for one in series.values[place - before : place + after + 1] if one is not None]
        values.append(math.fsum(near) / len(near) if value is not None else None)
    return Series(series.steps, tuple(values))


def scatters(rows: Sequence[Row]) -> list[Scatter]:
    """Distortion against perception, one for each set and perceptual metric; two models or more.

    Distortion is the first metric in dB (`psnr-y` by default). Perceptual are those without a unit for which less is
    better: `lpips`, `dists`, `niqe` and others of their kind. A model that stands in several files alike is one point.
    """
    found = []
    for alike in by_protocol(rows):
        metrics = {name: metric for row in alike for name, metric in row.metrics.items()}
        x = next((name for name, metric in metrics.items() if metric.unit == "dB" and metric.higher_is_better), None)
        for y, metric in metrics.items():
            if x is not None and not metric.unit and not metric.higher_is_better:
                points = _points(alike, x, y)
                if len(points) > 1:
                    found.append(Scatter(_set_of(alike[0]), x, y, metrics[x], metric, points))
    return found


def _points(rows: Sequence[Row], x: str, y: str) -> tuple[Point, ...]:
    points = []
    for row in rows:
        pair = [row.metrics[name].shown if name in row.metrics else None for name in (x, y)]
        if pair[0] is not None and pair[1] is not None:
            points.append(Point(row.model, pair[0], pair[1]))
    return tuple(dict.fromkeys(points))


def _set_of(row: Row) -> str:
    return f"{row.set}, x{row.scale}, {row.images} photos, LR {lr_origin(row.downscaler, row.degradations)}"
