"""The table of a study: a row an alternative, means and spread over its seeds, and how sure each difference is."""

from __future__ import annotations

import math
import statistics
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace

from srkit.errors import UserError, nearest
from srkit.evaluation.bench.entries import RECORDED, Comparison, Entry, Repetition
from srkit.evaluation.best import values_of
from srkit.evaluation.crossed import METHOD, METHOD_ONE_SEED, crossed_difference
from srkit.evaluation.finite import with_finite_means
from srkit.evaluation.rows import Row
from srkit.evaluation.statistics import BEST_NEEDS_IMAGES, Difference
from srkit.studies.budgets import training_seconds, unequal
from srkit.studies.members import Budget, Member

__all__ = ["missing", "study_tables"]


@dataclass
class _Recipe:
    """One row: its runs' rows and budgets by seed; a baseline has a single row that stands for every seed."""

    name: str
    rows: dict[int, Row] = field(default_factory=dict)
    budgets: list[Budget] = field(default_factory=list)
    is_baseline: bool = False

    def on(self, seed: int) -> Row:
        return self.rows[0] if self.is_baseline else self.rows[seed]


def study_tables(runs: Sequence[Member], against: str | None = None) -> list[Comparison]:
    """The finished runs side by side, those in one table that were judged on the same images in the same way.

    Args:
        runs: of one study, or several.
        against: the row that differences are from; by default the baseline, or the first alternative without one.

    Raises:
        UserError: no row is called like `against`; or a row has two runs with the same seed.
    """
    tables: dict[tuple[object, ...], dict[str, _Recipe]] = {}
    for run in runs:
        for row in run.rows:
            recipes = tables.setdefault(row.protocol(), {})
            is_own = row.model == run.name
            recipe = recipes.setdefault(
                run.alternative if is_own else row.model,
                _Recipe(run.alternative if is_own else row.model, is_baseline=not is_own),
            )
            if not is_own:
                recipe.rows.setdefault(0, row)
                continue
            if run.seed in recipe.rows:
                raise UserError(f"{run.name}: {recipe.name} has a run with seed {run.seed} already")
            recipe.rows[run.seed] = row
            if run.budget is not None:
                recipe.budgets.append(run.budget)
    left = missing(runs)
    names = list(dict.fromkeys(name for recipes in tables.values() for name in recipes))
    if against is not None and tables and against not in names:
        hint = nearest(against, names) or f"Rows: {', '.join(names)}"
        raise UserError(f"--against {against}: no row is called that. {hint}")
    results = {one.name: one.results for one in runs if one.results}
    found = [_compared(list(recipes.values()), against, left) for recipes in tables.values()]
    return [replace(one, origin=RECORDED, results=results) for one in found]


def missing(runs: Sequence[Member]) -> list[str]:
    """A sentence for each run that is in no table yet, or never will be."""
    return [f"warning: not in the table: {one.name} ({one.state})" for one in runs if one.state]


def _compared(recipes: Sequence[_Recipe], against: str | None, left: Sequence[str]) -> Comparison:
    """Baselines first, then the alternatives in their order."""
    ordered = _with_finite_means(sorted(recipes, key=lambda one: not one.is_baseline))
    own = [one for one in ordered if not one.is_baseline]
    metrics = list(next(iter(own[0].rows.values())).metrics)
    reference = next((one for one in ordered if one.name == against), ordered[0])
    entries = [_entry(one) for one in ordered]
    entries = [
        entry if one is reference else replace(entry, differences=_differences(one, reference, metrics))
        for entry, one in zip(entries, ordered, strict=True)
    ]
    shared = {one.name: len(_shared(one, reference)) for one in ordered if one is not reference}
    return Comparison(
        entries,
        reference.name if shared else "",
        _best(ordered, metrics),
        METHOD if max(shared.values(), default=0) > 1 else METHOD_ONE_SEED,
        [*unequal({one.name: one.budgets for one in own}), *_unpaired(own), *_of_one_seed(shared), *left],
    )


def _with_finite_means(recipes: Sequence[_Recipe]) -> list[_Recipe]:
    """The recipes, where a score is infinite with means over the images on which those of all runs are finite."""
    rows = iter(with_finite_means([row for one in recipes for row in one.rows.values()]))
    return [replace(one, rows={seed: next(rows) for seed in one.rows}) for one in recipes]


def _of_one_seed(shared: Mapping[str, int]) -> list[str]:
    """Rows whose interval says less than those of others."""
    few = [name for name, seeds in shared.items() if seeds < 2]
    if not few or len(few) == len(shared):
        return []
    return [f"one seed or none in common with the reference, so the interval is over images at most: {', '.join(few)}"]


def _entry(recipe: _Recipe) -> Entry:
    rows = [recipe.rows[seed] for seed in sorted(recipe.rows)]
    if recipe.is_baseline:
        return Entry(replace(rows[0], seconds_per_megapixel=None))
    first = rows[0]
    means = {name: tuple(one.metrics[name].mean for one in rows if name in one.metrics) for name in first.metrics}
    shown = {name: [one.metrics[name].shown for one in rows if name in one.metrics] for name in first.metrics}
    row = replace(
        first,
        model=recipe.name,
        metrics={
            name: replace(metric, mean=_mean(means[name]), finite=_mean(shown[name]) if metric.left_out else None)
            for name, metric in first.metrics.items()
        },
        per_image={
            photo: {name: _mean([one.per_image[photo].get(name) for one in rows]) for name in first.metrics}
            for photo in first.per_image
        },
        # taken while other runs were trained beside them
        seconds_per_megapixel=None,
        warnings=tuple(dict.fromkeys(text for one in rows for text in one.warnings)),
    )
    spreads = {name: _spread(values) for name, values in shown.items()}
    repetition = Repetition(tuple(sorted(recipe.rows)), means, spreads, training_seconds(recipe.budgets))
    return Entry(row, repetition=repetition)


def _mean(values: Sequence[float | None]) -> float | None:
    """None where one is infinite."""
    known = [value for value in values if value is not None]
    return statistics.fmean(known) if len(known) == len(values) else None


def _spread(values: Sequence[float | None]) -> float | None:
    known = [value for value in values if value is not None]
    return statistics.stdev(known) if len(known) == len(values) > 1 else None


def _differences(one: _Recipe, other: _Recipe, metrics: Sequence[str]) -> dict[str, Difference | None]:
    return {name: _difference(one, other, name) for name in metrics}


def _difference(one: _Recipe, other: _Recipe, metric: str) -> Difference | None:
    """Over the seeds that both have; where they share none, the means' difference without an interval."""
    seeds = _shared(one, other)
    if not seeds:
        mine, theirs = (_mean([row.metrics[metric].shown for row in each.rows.values()]) for each in (one, other))
        return None if mine is None or theirs is None else Difference(mine - theirs)
    return crossed_difference(
        [values_of(one.on(seed), metric) for seed in seeds], [values_of(other.on(seed), metric) for seed in seeds]
    )


def _shared(one: _Recipe, other: _Recipe) -> list[int]:
    if one.is_baseline and other.is_baseline:
        return [0]
    if one.is_baseline:
        return sorted(other.rows)
    return sorted(one.rows) if other.is_baseline else sorted(set(one.rows) & set(other.rows))


def _best(recipes: Sequence[_Recipe], metrics: Sequence[str]) -> dict[str, str]:
    """The row that is better than every other one beyond doubt, by metric; with one seed or few images nobody is."""
    own = [one for one in recipes if not one.is_baseline]
    if len(recipes) < 2 or any(len(one.rows) < 2 for one in own):
        return {}
    found = {}
    for name in metrics:
        first_row = next(iter(own[0].rows.values()))
        if len(values_of(first_row, name)) < BEST_NEEDS_IMAGES:
            continue
        metric = first_row.metrics[name]
        sign = 1 if metric.higher_is_better else -1
        # only the one with the best mean can be better than every other one
        first = max(recipes, key=lambda one: sign * _mean_of(one, name, sign))
        gaps = [_difference(first, other, name) for other in recipes if other is not first]
        if all(gap is not None and gap.is_certain and sign * gap.mean > 0 for gap in gaps):
            found[name] = first.name
    return found


def _mean_of(one: _Recipe, metric: str, sign: int) -> float:
    """The mean over the seeds; an infinite one is the best there can be."""
    mean = _mean([row.metrics[metric].shown for row in one.rows.values()])
    return sign * math.inf if mean is None else mean


def _unpaired(own: Sequence[_Recipe]) -> list[str]:
    """Rows that have other seeds than the rest, which differences between rows leave out; a baseline has all seeds."""
    seeds: Mapping[str, set[int]] = {one.name: set(one.rows) for one in own}
    common = set.intersection(*seeds.values())
    odd = {name: sorted(mine - common) for name, mine in seeds.items() if mine - common}
    if not odd:
        return []
    shown = "; ".join(f"{name} {', '.join(map(str, more))}" for name, more in odd.items())
    return [f"differences are over the seeds that both rows have; not all have these: {shown}"]
