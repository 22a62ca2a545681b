"""Axes of a chart: round numbers at their ticks, linear or logarithmic, and the frame that they make."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

from srkit.evaluation.report.markup import Html, joined, tag

__all__ = ["BOTTOM", "HEIGHT", "LEFT", "RIGHT", "TOP", "WIDTH", "Axis", "frame", "label"]

WIDTH, HEIGHT = 460, 280
LEFT, RIGHT, TOP, BOTTOM = 58.0, 446.0, 12.0, 238.0
"""The plot's edges, in units of the drawing."""

TICKS = 5


@dataclass(frozen=True)
class Axis:
    """From values to places.

    Attributes:
        low, high: values at both ends.
        start, end: their places.
        ticks: values that are labelled.
        log: whether equal distances are equal ratios.
    """

    low: float
    high: float
    start: float
    end: float
    ticks: Sequence[float]
    log: bool = False

    @classmethod
    def over(cls, low: float, high: float, start: float, end: float, *, log: bool = False, whole: bool = False) -> Axis:
        """An axis with a little room at both ends and round ticks.

        Args:
            low, high: of the values; they may be equal.
            start, end: places of the lower and the higher end.
            log: logarithmic; values are above 0.
            whole: values are whole numbers and the axis begins and ends with them: steps.
        """
        if log:
            room = (high / low) ** 0.05
            low, high = low / room, high * room
            return cls(low, high, start, end, log_ticks(low, high), log=True)
        if low == high:
            pad = abs(low) * 0.1 or 1.0
            low, high = (low, high + pad) if whole else (low - pad, high + pad)
        elif not whole:
            pad = (high - low) * 0.06
            low, high = low - pad, high + pad
        return cls(low, high, start, end, round_ticks(low, high, least=1.0 if whole else 0.0))

    def at(self, value: float) -> float:
        """The place of a value."""
        if self.log:
            share = math.log(value / self.low) / math.log(self.high / self.low)
        else:
            share = (value - self.low) / (self.high - self.low)
        return self.start + share * (self.end - self.start)

    def for_script(self) -> str:
        """What the page's script needs to read values off places."""
        return f"{self.low!r} {self.high!r} {self.start!r} {self.end!r} {int(self.log)}"


def round_ticks(low: float, high: float, least: float = 0.0) -> list[float]:
    """About `TICKS` multiples of 1, 2 or 5 times a power of ten between two values.

    >>> round_ticks(0, 23)
    [0.0, 5.0, 10.0, 15.0, 20.0]
    """
    rough = (high - low) / TICKS
    power = 10.0 ** math.floor(math.log10(rough))
    distance = max(least, next(step * power for step in (1, 2, 5, 10) if step * power >= rough * 0.999))
    first, last = math.ceil(low / distance - 1e-9), math.floor(high / distance + 1e-9)
    return [round(number * distance, 12) for number in range(first, last + 1)]


def log_ticks(low: float, high: float) -> list[float]:
    """Powers of ten, with 2 and 5 between them where that leaves room, or round numbers within one decade."""
    decades = math.log10(high / low)
    steps = (1,) if decades > 3 else (1, 3) if decades > 1.5 else (1, 2, 5)
    powers = range(math.floor(math.log10(low)), math.ceil(math.log10(high)) + 1)
    found = [step * 10.0**power for power in powers for step in steps]
    kept = [one for one in found if low <= one <= high]
    return kept if len(kept) > 1 else round_ticks(low, high)


def label(value: float) -> str:
    """A number as a tick has it.

    >>> [label(one) for one in (0, 0.25, 1500, 20000, 0.00003)]
    ['0', '0.25', '1500', '20k', '3e-5']
    """
    if value and not 1e-3 <= abs(value) < 1e6:
        digits, _, power = f"{value:.2e}".partition("e")
        return f"{float(digits):g}e{int(power)}"
    if abs(value) >= 10_000 and value % 100 == 0:
        return f"{value / 1000:g}k"
    return f"{value:.5g}"


def frame(x: Axis, y: Axis, below: str) -> Html:
    """Grid lines, labels at the ticks, and what the horizontal axis shows."""
    rows = [
        joined(
            tag("line", x1=LEFT, x2=RIGHT, y1=f"{y.at(one):.1f}", y2=f"{y.at(one):.1f}"),
            tag("text", label(one), x=LEFT - 8, y=f"{y.at(one) + 4:.1f}", text_anchor="end"),
        )
        for one in y.ticks
    ]
    columns = [
        joined(
            tag("line", x1=f"{x.at(one):.1f}", x2=f"{x.at(one):.1f}", y1=BOTTOM, y2=BOTTOM + 4),
            tag("text", label(one), x=f"{x.at(one):.1f}", y=BOTTOM + 18, text_anchor="middle"),
        )
        for one in x.ticks
    ]
    base = tag("line", x1=LEFT, x2=RIGHT, y1=BOTTOM, y2=BOTTOM, class_="base")
    name = tag("text", below, x=f"{(LEFT + RIGHT) / 2:.1f}", y=HEIGHT - 6, text_anchor="middle")
    return tag("g", *rows, *columns, base, name, class_="frame")
