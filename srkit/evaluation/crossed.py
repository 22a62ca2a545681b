"""How sure a difference between two recipes is that was measured with several seeds on several images."""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np
from scipy.special import stdtrit

from srkit.evaluation.statistics import LEVEL, Difference, intervals

__all__ = ["METHOD", "METHOD_ONE_SEED", "crossed_difference", "crossed_intervals"]

METHOD = (
    "95% intervals over images (paired bootstrap-t on the seeds' mean) and seeds (paired Student's t), their reaches "
    "added in quadrature"
)
METHOD_ONE_SEED = "95% intervals over images alone: what another seed would change is not in them"


def crossed_difference(
    scores: Sequence[Sequence[float | None]], baseline: Sequence[Sequence[float | None]]
) -> Difference | None:
    """The mean difference of two recipes over images and seeds, with the interval of `crossed_intervals` around it.

    Args:
        scores: a list a seed, a value an image; None where it is infinite.
        baseline: the other recipe's with the same seeds on the same images.

    Returns:
        None where a value is infinite, or there is none. With one seed the interval is that over images.

    Raises:
        ValueError: other seeds or images on one side than on the other.
    """
    if [len(one) for one in scores] != [len(one) for one in baseline]:
        raise ValueError("a paired difference needs the same seeds and images on both sides")
    if not scores or not scores[0] or any(None in one for one in (*scores, *baseline)):
        return None
    table = np.array(scores, dtype=np.float64) - np.array(baseline, dtype=np.float64)
    (mean,), (low,), (high,) = crossed_intervals(table[..., None])
    known = math.isfinite(low) and math.isfinite(high)
    return Difference(float(mean), *((float(low), float(high)) if known else (None, None)))


def crossed_intervals(differences: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Means of paired differences over seeds and images, and the ends of their 95% intervals.

    Both are samples: other photos would have given another difference, and so would other seeds. Images and seeds are
    crossed, so the variance of the mean has a part of each, V = V_images / images + V_seeds / seeds (and one of both
    together, which each of the two estimates holds). The reach over images is the bootstrap-t's on the mean over the
    seeds, that over seeds Student's t on the mean over the images; their squares are added. Over 10 to 100 images and
    2 to 5 seeds without a difference, whatever the shares of the variance, the interval misses zero in 0.2 to 6.0%;
    one over images alone in up to 97%.

    Args:
        differences: (seeds, images, k), finite; each column is judged on its own.

    Returns:
        Means, low and high ends, (k,) each; ends are infinite where those of `intervals` are.
    """
    means, lows, highs = intervals(differences.mean(0))
    reach = _reach_over_seeds(differences.mean(1))
    return means, means - np.hypot(means - lows, reach), means + np.hypot(highs - means, reach)


def _reach_over_seeds(means: np.ndarray) -> np.ndarray:
    """Half the width of Student's interval around the mean of (seeds, k); 0 for one seed, which tells nothing."""
    seeds = len(means)
    if seeds < 2:
        return np.zeros(means.shape[1])
    reach: np.ndarray = stdtrit(seeds - 1, (1 + LEVEL) / 2) * means.std(0, ddof=1) / math.sqrt(seeds)
    return reach
