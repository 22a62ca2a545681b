"""What stands above a picture: whose it is and how near it is to the original."""

from __future__ import annotations

import math

from srkit.evaluation.figures import score_figure
from srkit.evaluation.rows import MetricMean
from srkit.printable import printable

__all__ = ["caption"]


def caption(name: str, decibels: float | None = None) -> str:
    """A model's name with its score on this photo, where it has one.

    >>> caption("bicubic", 28.312)
    'bicubic 28.31 dB'
    """
    name = printable(name)
    if decibels is None:
        return name
    score = MetricMean(None if math.isinf(decibels) else decibels, "dB", higher_is_better=True)
    return f"{name} {score_figure(score)} dB"
