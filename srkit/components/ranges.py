"""Options that are a number or a range to draw from, and shares of what is drawn."""

from __future__ import annotations

from collections.abc import Iterable

from srkit.errors import OptionError

__all__ = ["check_probability", "check_shares", "span"]


def span(
    key: str, value: float | tuple[float, float], least: float, most: float = float("inf"), above: bool = False
) -> tuple[float, float]:
    """Both ends of a range; a single number is a range of its own.

    Args:
        key: the option, for the message.
        value: what was written.
        least: the smallest value there can be.
        most: the largest value there can be.
        above: whether `least` itself cannot be.

    Raises:
        OptionError: an end lies outside, or the ends are exchanged.
    """
    low, high = (value, value) if isinstance(value, int | float) else value
    if not (low > least if above else low >= least) or not high <= most or high == float("inf"):
        limit = f"above {least:g}" if above else f"from {least:g}"
        upper = "" if most == float("inf") else f" to {most:g}"
        raise OptionError(key, f"numbers {limit}{upper} are possible, got {value}.")
    if low > high:
        raise OptionError(key, f"the lower end of the range comes first: [{high}, {low}].")
    return low, high


def check_probability(key: str, value: float) -> float:
    """The value, or an `OptionError` where it is no probability."""
    if not 0 <= value <= 1:
        raise OptionError(key, f"a probability lies from 0 to 1, got {value}.")
    return value


def check_shares(key: str, shares: Iterable[float], count: int | None = None) -> None:
    """Refuse shares that cannot be drawn by: negative, all 0, or not `count` of them."""
    values = list(shares)
    if count is not None and len(values) != count:
        raise OptionError(key, f"one number for each of the {count} choices, got {len(values)}.")
    if not values or min(values) < 0 or not 0 < sum(values) < float("inf"):
        raise OptionError(key, f"numbers from 0 that are not all 0, got {values}.")
