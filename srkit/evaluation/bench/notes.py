"""What a table says beneath its figures: how they were measured, who is best, what casts doubt on a row."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

from srkit.evaluation.bench.entries import Comparison, Entry
from srkit.evaluation.bench.figures import SEEN, few_in
from srkit.evaluation.bench.training_photos import seen_in_words
from srkit.evaluation.finite import infinite_notes, named
from srkit.evaluation.rows import lr_origin
from srkit.evaluation.statistics import BEST_NEEDS_IMAGES, NEEDS_IMAGES
from srkit.places import Nameless

__all__ = ["how_measured", "notes", "results_line", "without_folders"]


def how_measured(comparison: Comparison, device: str = "") -> str:
    """The protocol in a sentence."""
    row = comparison.entries[0].row
    parts = [
        f"scores {comparison.origin}",
        f"LR images {lr_origin(row.downscaler, row.degradations)}",
        f"border of {row.border} px cropped",
    ]
    if comparison.against:
        sure = comparison.method or "95% intervals over images"
        sure = f"with {sure}" if row.images >= NEEDS_IMAGES else "too few images for intervals"
        gaps = [(gap, one) for one in comparison.entries for gap in one.differences.values() if gap is not None]
        if any(few_in(gap, one) and gap.low is not None for gap, one in gaps):
            sure += " (not shown where few images or seeds make them wider than the difference)"
        parts.append(f"differences from {comparison.against}, {sure}")
    down = [name.upper() for name in comparison.metrics if not row.metrics[name].higher_is_better]
    if down:
        parts.append(f"less is better: {', '.join(down)}")
    if any(one.row.seconds_per_megapixel is not None for one in comparison.entries):
        parts.append(f"times in turn{f' on {device}' if device else ''}, medians and half the quartiles' distance")
    return "; ".join(parts)


def notes(comparison: Comparison) -> list[str]:
    """Who is best, and what a reader must know of single rows."""
    return [
        *_best(comparison),
        *infinite_notes([entry.row for entry in comparison.entries]),
        *_left_out(comparison),
        *_acquaintances(comparison),
        *_warnings(comparison),
        *comparison.remarks,
        *results_line(comparison.results),
    ]


def results_line(results: Mapping[str, str]) -> list[str]:
    """The short hashes of runs' `results.json`, by which a paper names them: one line; none where there are none."""
    return [f"results: {', '.join(f'{name} {short}' for name, short in results.items())}"] if results else []


def without_folders(comparison: Comparison) -> Comparison:
    """The same for others to read: its sentences name no folders of this machine. Models are called as they were."""
    nameless = Nameless()

    def shared(entry: Entry) -> Entry:
        row = replace(entry.row, warnings=nameless(entry.row.warnings))
        unknown = nameless(entry.acquaintance.unknown)
        return replace(entry, row=row, acquaintance=replace(entry.acquaintance, unknown=unknown))

    return replace(comparison, entries=list(map(shared, comparison.entries)), remarks=nameless(comparison.remarks))


def _best(comparison: Comparison) -> list[str]:
    if not comparison.against:
        return []
    if comparison.entries[0].row.images < BEST_NEEDS_IMAGES:
        return [f"no best is marked on fewer than {BEST_NEEDS_IMAGES} images"]
    if any(entry.repetition is not None and len(entry.repetition.seeds) < 2 for entry in comparison.entries):
        return ["no best is marked among rows of one seed: with another one it might be another"]
    by_model: dict[str, list[str]] = {}
    for metric, model in comparison.best.items():
        by_model.setdefault(model, []).append(metric.upper())
    if not by_model:
        return ["best beyond doubt: none"]
    return ["best beyond doubt: " + "; ".join(f"{model} ({', '.join(names)})" for model, names in by_model.items())]


def _left_out(comparison: Comparison) -> list[str]:
    """Metrics that are not in the table; the same for each row."""
    return [
        f"warning: {name.upper()} is left out, because {few(len(one.images))} too small for it: {named(one.images)}"
        for name, one in comparison.entries[0].left_out.items()
    ]


def few(images: int) -> str:
    """How many images are something."""
    return "one image is" if images == 1 else f"{images} images are"


def _acquaintances(comparison: Comparison) -> list[str]:
    """Models that saw the same photos, or of which the same is unknown, share a sentence."""
    saw: dict[tuple[tuple[str, str], ...], list[str]] = {}
    unknown: dict[str, list[str]] = {}
    for entry in comparison.entries:
        if entry.acquaintance.photos:
            saw.setdefault(tuple(entry.acquaintance.photos.items()), []).append(entry.row.model)
        if entry.acquaintance.unknown:
            unknown.setdefault(entry.acquaintance.unknown, []).append(entry.row.model)
    found = []
    for photos, models in saw.items():
        count = f"{len(photos)} of these photos" if len(photos) > 1 else "one of these photos"
        found.append(
            f"warning: {SEEN} {_listed(models)} trained on {count}, and scores on them tell little of new ones: "
            f"{seen_in_words(dict(photos))}"
        )
    return found + [f"whether {_listed(models)} trained on these photos: {why}" for why, models in unknown.items()]


def _listed(models: list[str], most: int = 3) -> str:
    more = f" and {len(models) - most} more" if len(models) > most else ""
    return ", ".join(models[:most]) + more


def _warnings(comparison: Comparison) -> list[str]:
    """Each warning once, with the models it holds for."""
    said: dict[str, list[str]] = {}
    for entry in comparison.entries:
        for text in entry.row.warnings:
            said.setdefault(text, []).append(entry.row.model)
    return [f"warning: {_listed(models)}: {text}" for text, models in said.items()]
