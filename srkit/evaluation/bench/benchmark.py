"""The benchmark of models on one set: scores, costs, times, what was seen in training; all of it kept as it goes."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from functools import cache

import torch
from torch import nn

from srkit.errors import SrkitError
from srkit.evaluation.bench.costs import Cost, cost_of
from srkit.evaluation.bench.entries import Entry
from srkit.evaluation.bench.gallery import Gallery, look
from srkit.evaluation.bench.judge import Judge, Scores, mean_of
from srkit.evaluation.bench.sets import PhotoSet
from srkit.evaluation.bench.timing import Timing, interleaved
from srkit.evaluation.bench.training_photos import Acquaintance, TrainingSet, acquainted
from srkit.evaluation.rows import MetricMean, Row

__all__ = ["Contestant", "benchmark"]

Say = Callable[[str], None]


@dataclass(frozen=True)
class Contestant:
    """A model in a benchmark.

    Attributes:
        name: the row's; unique in its table.
        identity: a hash of everything its pictures depend on but the scale.
        load: gives the network, in eval mode on the CPU.
        counted: whether torch can see what it computes.
        trained_on: in words; empty for a model without training.
        training: its training pictures, where these are known.
        warnings: what a reader must know.
    """

    name: str
    identity: str
    load: Callable[[], nn.Module]
    counted: bool = True
    trained_on: str = ""
    training: TrainingSet | None = None
    warnings: Sequence[str] = field(default_factory=tuple)


def benchmark(
    contestants: Sequence[Contestant],
    photo_set: PhotoSet,
    judge: Judge,
    *,
    machine: str | None,
    leave_out: Say | None = None,
) -> list[Entry]:
    """Judge models on a set; what the cache knows is not computed again.

    A metric that a photo of the set is too small for is left out, and the entries say so.

    Args:
        contestants: in the table's order.
        photo_set: at the scale that all of them have.
        judge: how.
        machine: the device in words, which times belong to; None takes no times.
        leave_out: told of a model that cannot be judged, whose row is then missing; None lets it end the benchmark.

    Raises:
        SrkitError: a photo or a model cannot be used; with `leave_out`, none of the models.
    """
    gallery = look(photo_set, judge.workers, judge.progress)
    judge, left_out = judge.fitting(gallery)
    described = judge.described(judge.names(photo_set))
    entries: list[Entry] = []
    judged = []
    for one in contestants:
        load = cache(one.load)
        try:
            scores = judge.scores(one.name, one.identity, load, gallery)
            cost = _cost(one, load, gallery, judge)
        except SrkitError as error:
            if leave_out is None or (one is contestants[-1] and not entries):
                raise
            leave_out(f"{one.name} is left out: {error}")
            continue
        entry = _entry(one, scores, cost, described, photo_set, _acquaintance(one, gallery, judge))
        entries.append(replace(entry, left_out=left_out))
        judged.append(one)
    if machine is None or not entries:
        return entries
    times = _times(judged, gallery, judge, machine)
    return [_timed(entry, time) for entry, time in zip(entries, times, strict=True)]


def _cost(one: Contestant, load: Callable[[], nn.Module], gallery: Gallery, judge: Judge) -> Cost:
    """What it takes for the set's largest photo."""
    height, width = gallery.largest
    key = f"cost at {width}x{height} by torch {torch.__version__}"
    known = judge.cache.get(one.identity, key)
    if "parameters" not in known:
        cost = cost_of(load().cpu(), gallery.largest, counted=one.counted)
        known = {"parameters": float(cost.parameters)}
        known |= {"macs": cost.macs_per_megapixel} if cost.macs_per_megapixel is not None else {}
        known |= {"memory": float(cost.peak_memory)} if cost.peak_memory is not None else {}
        judge.cache.add(one.identity, key, known)
    memory = known.get("memory")
    return Cost(int(known["parameters"]), known.get("macs"), int(memory) if memory is not None else None)


def _acquaintance(one: Contestant, gallery: Gallery, judge: Judge) -> Acquaintance:
    if one.training is None:
        return Acquaintance({}, "nobody knows what it was trained on" if one.trained_on else "")
    return acquainted(one.training, gallery, judge.cache, judge.workers, judge.progress)


def _entry(
    one: Contestant,
    scores: Scores,
    cost: Cost,
    described: dict[str, MetricMean],
    photo_set: PhotoSet,
    acquaintance: Acquaintance,
) -> Entry:
    means = {
        name: replace(metric, mean=mean_of([values[name] for values in scores.values()]))
        for name, metric in described.items()
    }
    row = Row(
        model=one.name,
        set=photo_set.name,
        scale=photo_set.scale,
        downscaler=photo_set.downscaler,
        images=len(scores),
        metrics=means,
        per_image={
            photo: {name: mean_of([value]) for name, value in values.items()} for photo, values in scores.items()
        },
        degradations=photo_set.degradations,
        border=photo_set.border,
        parameters=cost.parameters,
        warnings=tuple(one.warnings),
    )
    return Entry(row, cost.macs_per_megapixel, cost.peak_memory, None, one.trained_on, acquaintance)


def _times(contestants: Sequence[Contestant], gallery: Gallery, judge: Judge, machine: str) -> list[Timing]:
    """Times that were taken together; those of an earlier benchmark only if it had the very same models."""
    size = gallery.photos[gallery.median].lr_size
    company = sorted({one.identity for one in contestants})
    key = hashlib.sha256(json.dumps([company, machine, torch.__version__, size]).encode()).hexdigest()
    known = judge.cache.document("times", key)
    try:
        return [Timing(*map(float, known[one.identity])) for one in contestants]
    except (TypeError, KeyError, ValueError):
        pass  # not there, or damaged: taken again
    networks = {one.identity: one.load().to(judge.device) for one in contestants}
    found = interleaved(list(networks.values()), gallery.photo(gallery.median), judge.device, judge.progress)
    times = dict(zip(networks, found, strict=True))
    kept = {identity: [time.seconds_per_megapixel, time.spread] for identity, time in times.items()}
    judge.cache.keep_document("times", key, kept)
    return [times[one.identity] for one in contestants]


def _timed(entry: Entry, time: Timing) -> Entry:
    row = replace(entry.row, seconds_per_megapixel=time.seconds_per_megapixel)
    return replace(entry, row=row, time_spread=time.spread)
