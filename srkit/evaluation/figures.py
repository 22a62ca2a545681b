"""Numbers as a table shows them: scores and their differences, parameters, times."""

from __future__ import annotations

from srkit.evaluation.rows import MetricMean


def score_figure(metric: MetricMean) -> str:
    """A mean with the decimals that are usual for it, `inf` where infinite: 30.23, 0.8712."""
    return "inf" if metric.shown is None else f"{metric.shown:.{_decimals(metric)}f}"


def difference(metric: MetricMean, baseline: MetricMean) -> float | None:
    """How far a mean is from the baseline's; None where one of them is infinite."""
    return None if metric.shown is None or baseline.shown is None else metric.shown - baseline.shown


def difference_figure(metric: MetricMean, baseline: MetricMean) -> str:
    """The difference with its sign, +1.92; empty where there is none to tell."""
    gap = difference(metric, baseline)
    return "" if gap is None else gap_figure(gap, metric)


def gap_figure(gap: float, metric: MetricMean) -> str:
    """A difference with its sign and the metric's decimals: +1.92, -0.0003."""
    figure = f"{gap:+.{_decimals(metric)}f}"
    # A difference that rounds to zero has no direction.
    return figure.replace("-", "+") if float(figure) == 0 else figure


def count_figure(count: int) -> str:
    """Three digits and a unit: 812, 24.3k, 162k, 16.7M; "-" for none."""
    if count == 0:
        return "-"
    return str(count) if count < 1000 else _three_digits(count / 1000, "kMGT")


def time_figure(seconds: float | None) -> str:
    """Three digits and a unit: 84.0 ms, 1.24 s; "-" if not measured."""
    if seconds is None:
        return "-"
    if seconds < 0.9995:
        digits = 2 if seconds < 0.009995 else 1 if seconds < 0.09995 else 0
        return f"{seconds * 1000:.{digits}f} ms"
    digits = 2 if seconds < 9.995 else 1 if seconds < 99.95 else 0
    return f"{seconds:.{digits}f} s"


def clock_figure(seconds: float) -> str:
    """Hours, minutes and seconds: 1:02:03, 2:03."""
    minutes, rest = divmod(round(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours}:{minutes:02}:{rest:02}" if hours else f"{minutes}:{rest:02}"


def _three_digits(value: float, units: str) -> str:
    # 999.5 and not 1000, because what would round up to 1000 belongs to the next unit.
    while value >= 999.5 and len(units) > 1:
        value, units = value / 1000, units[1:]
    digits = 2 if value < 9.995 else 1 if value < 99.95 else 0
    return f"{value:.{digits}f}{units[0]}"


def _decimals(metric: MetricMean) -> int:
    return {"dB": 2, "levels": 2}.get(metric.unit, 4)
