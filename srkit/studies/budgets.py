"""Whether the rows of a table were given the same: steps, samples, time, device, pictures; what differs is said."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from statistics import fmean

from srkit.evaluation.figures import clock_figure
from srkit.studies.members import Budget

__all__ = ["training_seconds", "unequal"]

Budgets = Mapping[str, Sequence[Budget]]
"""What the runs of each row were given."""

SLOWER = 1.25
"""Times are said to differ where the slowest row took this many times what the quickest took; less is the clock's."""


def training_seconds(budgets: Sequence[Budget]) -> float | None:
    """What a run of a row took, on average; None where that of one is unknown."""
    seconds = [one.seconds for one in budgets if one.seconds is not None]
    return fmean(seconds) if seconds and len(seconds) == len(budgets) else None


def unequal(budgets: Budgets) -> list[str]:
    """A sentence for each thing that was not the same for all runs; none where all was."""
    found = []
    for what, of in (("steps", lambda one: one.steps), ("samples seen", lambda one: one.samples)):
        said = _unequal_counts(what, budgets, of)
        found += [said] if said else []
    said = _unequal_times(budgets)
    found += [said] if said else []
    for what, key in (("on different devices", "device"), ("on different pictures", "data")):
        values = {getattr(one, key) for row in budgets.values() for one in row}
        if len(values) > 1:
            which = f" ({', '.join(sorted(values))})" if key == "device" else ""
            found.append(f"warning: the runs were trained {what}{which}")
    return found


def _unequal_counts(what: str, budgets: Budgets, of: Callable[[Budget], int]) -> str:
    counts = {row: sorted({of(one) for one in runs}) for row, runs in budgets.items() if runs}
    if len({tuple(one) for one in counts.values()}) < 2 and all(len(one) == 1 for one in counts.values()):
        return ""
    shown = "; ".join(f"{row} {' and '.join(f'{one:,}' for one in values)}" for row, values in counts.items())
    return f"warning: unequal budgets, {what}: {shown}"


def _unequal_times(budgets: Budgets) -> str:
    times = {row: seconds for row, runs in budgets.items() if (seconds := training_seconds(runs)) is not None}
    if len(times) < 2:
        return ""
    quickest, slowest = min(times, key=times.__getitem__), max(times, key=times.__getitem__)
    if times[slowest] < SLOWER * times[quickest]:
        return ""
    took = f"{clock_figure(times[quickest])} ({quickest}) to {clock_figure(times[slowest])} ({slowest})"
    return f"unequal budgets, time: a run took {took}"
