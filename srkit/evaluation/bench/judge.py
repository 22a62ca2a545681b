"""One model's scores on a set: out of the cache what is known, the rest computed, several photos at a time."""

from __future__ import annotations

import copy
import hashlib
import math
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import partial
from queue import SimpleQueue
from typing import Any

import torch
from torch import Tensor, nn

from srkit.assembly.untouched import Untouched
from srkit.contracts import Metric, Views
from srkit.errors import SrkitError
from srkit.evaluation.bench.cache import ScoreCache
from srkit.evaluation.bench.entries import LeftOut
from srkit.evaluation.bench.fidelity import COLOUR_DRIFT, CONSISTENCY, colour_drift, consistency, described_as
from srkit.evaluation.bench.gallery import Gallery, Progress
from srkit.evaluation.bench.sets import PhotoSet
from srkit.evaluation.bench.workers import spread
from srkit.evaluation.metric_calls import metric_call
from srkit.evaluation.rows import MetricMean, Photo
from srkit.evaluation.scoring import check_size, original_of, views_of
from srkit.evaluation.too_small import LARGE, too_small
from srkit.exactness import all_bits
from srkit.inference.forward import evaluating, forward, from_eight_bit, is_finite, to_eight_bit

__all__ = ["Judge", "Scores"]

PROTOCOL = 1
"""Raised whenever scores of the same pictures change, so that kept ones are not mixed with new ones."""

Scores = dict[str, dict[str, float]]
"""Values by photo and metric; infinite ones as such."""


@dataclass(frozen=True)
class Judge:
    """How models are judged.

    Pictures are computed in fp32, clamped and rounded to 8 bit, cropped, and each metric sees one at a time.

    Attributes:
        metrics: builds the metrics, by name; called once for each worker.
        versions: what makes a metric's values, by name: its distribution and version.
        device: where to compute.
        workers: photos at a time.
        cache: what is known already.
        progress: told how far it is.
    """

    metrics: Callable[[], Mapping[str, Metric]]
    versions: Mapping[str, str]
    device: torch.device
    workers: int
    cache: ScoreCache
    progress: Progress

    def names(self, photo_set: PhotoSet) -> list[str]:
        """The scores there are on a set, in the table's order."""
        return [*self.versions, *([CONSISTENCY] if photo_set.shrink is not None else []), COLOUR_DRIFT]

    def fitting(self, gallery: Gallery) -> tuple[Judge, dict[str, LeftOut]]:
        """The same without the metrics that some photos are too small for, and why each of these is left out."""
        photo_set = gallery.photo_set
        scale, border = photo_set.scale, photo_set.border
        sizes = {one.name: (one.lr_size[0] * scale, one.lr_size[1] * scale) for one in gallery.photos}
        if all(min(size) >= LARGE + 2 * border for size in sizes.values()):
            return self, {}
        found = too_small(
            _on(self.device, self.metrics()),
            sizes,
            scale=scale,
            border=border,
            device=self.device,
            downscale=photo_set.shrink,
        )
        left_out = {}
        for metric, unfit in found.items():
            images = tuple(f"{name} ({sizes[name][1]}x{sizes[name][0]})" for name in unfit)
            left_out[metric] = LeftOut(images, next(iter(unfit.values())))
        rest = {name: version for name, version in self.versions.items() if name not in left_out}
        return replace(self, versions=rest, metrics=partial(_some_of, self.metrics, rest)), left_out

    def described(self, names: Sequence[str]) -> dict[str, MetricMean]:
        """Unit and direction of each, without a mean."""
        metrics = self.metrics()
        return {
            name: MetricMean(None, metrics[name].unit, metrics[name].higher_is_better)
            if name in metrics
            else described_as(name)
            for name in names
        }

    def scores(self, name: str, identity: str, load: Callable[[], nn.Module], gallery: Gallery) -> Scores:
        """One model on one set.

        Args:
            name: the model's.
            identity: a hash of the model.
            load: gives its network; called where a score is missing.
            gallery: the set.

        Raises:
            SrkitError: the model cannot be loaded, makes pictures of the wrong size, or ones that are not finite.
        """
        labels = self._labels(gallery.photo_set)
        keys = [self._key(gallery, index) for index in range(len(gallery.photos))]
        known = [self.cache.get(identity, key) for key in keys]
        missing = [index for index, values in enumerate(known) if not set(labels.values()) <= values.keys()]
        if missing:
            progress = _counted(self.progress, name, len(keys) - len(missing), len(keys))
            for index, values in self._judged(name, load(), gallery, missing):
                known[index] = {labels[metric]: value for metric, value in values.items()}
                self.cache.add(identity, keys[index], known[index])
                progress()
        return {
            photo.name: {metric: values[label] for metric, label in labels.items()}
            for photo, values in zip(gallery.photos, known, strict=True)
        }

    def _labels(self, photo_set: PhotoSet) -> dict[str, str]:
        """What each score is kept under: everything but model and photo that it depends on."""
        labels = {name: f"{name} {version}" for name, version in self.versions.items()}
        if photo_set.shrink is not None:
            labels[CONSISTENCY] = f"{CONSISTENCY} {photo_set.downscaler}"
        labels[COLOUR_DRIFT] = COLOUR_DRIFT
        return {name: labels[name] for name in self.names(photo_set)}

    def _key(self, gallery: Gallery, index: int) -> str:
        photo_set = gallery.photo_set
        protocol = (PROTOCOL, torch.__version__, self.device.type, photo_set.scale, photo_set.border)
        return hashlib.sha256(f"{gallery.photos[index].key} {protocol}".encode()).hexdigest()

    def _judged(
        self, name: str, network: nn.Module, gallery: Gallery, indices: Sequence[int]
    ) -> Iterator[tuple[int, dict[str, float]]]:
        """The scores of some photos, in order. Each worker has a network and metrics of its own."""
        free: SimpleQueue[_Bench] = SimpleQueue()
        workers = min(self.workers, len(indices))
        for number in range(workers):
            own = network if number == workers - 1 else copy.deepcopy(network)
            free.put(_Bench(name, own.to(self.device), self.metrics(), self.device))

        def work(index: int) -> tuple[int, dict[str, float]]:
            bench = free.get()
            try:
                return index, bench.judge(gallery.photo(index), gallery.photos[index].key, gallery.photo_set)
            finally:
                free.put(bench)

        yield from spread(work, indices, workers)


class _Bench:
    """One worker's place: a network and metrics that nobody else uses meanwhile."""

    def __init__(self, name: str, network: nn.Module, metrics: Mapping[str, Any], device: torch.device) -> None:
        self.name, self.network, self.device = name, network, device
        self.calls = {name: metric_call(name, metric) for name, metric in _on(device, metrics).items()}

    def judge(self, photo: Photo, key: str, photo_set: PhotoSet) -> dict[str, float]:
        scale, border = photo_set.scale, photo_set.border
        sr = picture_of(self.name, self.network, photo, scale, self.device)
        hr = original_of(photo, scale, border).to(self.device)
        lr = from_eight_bit(photo.lr.to(self.device)).unsqueeze(0)
        number = int(key[:12], 16)  # by content, because a score must not depend on what stands beside the photo
        views = views_of(sr, hr, lr, scale, border=border, number=number, downscale=photo_set.shrink)
        untouched = Untouched(True, sr=views.sr, hr=views.hr, lr=views.lr)
        values = {name: self._score(photo.name, name, call, views, untouched) for name, call in self.calls.items()}
        if photo_set.shrink is not None:
            values[CONSISTENCY] = consistency(sr, photo.lr, photo_set.shrink)
        values[COLOUR_DRIFT] = colour_drift(*(to_eight_bit(one[0]) for one in (views.sr, views.hr)))
        return values

    def _score(
        self, photo: str, metric: str, call: Callable[[Views], float], views: Views, untouched: Untouched
    ) -> float:
        try:
            with all_bits(self.device):
                value = call(views)
            untouched.after(f"the metric {metric!r}")
            untouched.settle()
            return value
        except SrkitError as error:
            raise error.about(f"{self.name}, {photo}") from error


def _some_of(build: Callable[[], Mapping[str, Metric]], names: Collection[str]) -> dict[str, Metric]:
    return {name: metric for name, metric in build().items() if name in names}


def _on(device: torch.device, metrics: Mapping[str, Metric]) -> Mapping[str, Metric]:
    for metric in metrics.values():
        if isinstance(metric, nn.Module):
            metric.to(device).eval()
    return metrics


def picture_of(name: str, network: nn.Module, photo: Photo, scale: int, device: torch.device) -> Tensor:
    """A model's picture of a photo, uint8 (3, H, W) on the device.

    Raises:
        SrkitError: of the wrong size, or not finite.
    """
    lr = from_eight_bit(photo.lr.to(device)).unsqueeze(0)
    with evaluating(network):
        sr = forward(network, lr, channels_last=True)
    check_size(name, photo, sr, scale)
    if not is_finite(sr):
        raise SrkitError(
            f"{name}: the picture of {photo.name} is not finite (NaN or infinite values): its training diverged or its "
            "weights are damaged. Use an earlier checkpoint."
        )
    return to_eight_bit(sr)[0]


def mean_of(values: Sequence[float]) -> float | None:
    """The mean; None where it is infinite."""
    mean = math.fsum(values) / len(values) if math.inf not in values else math.inf
    return mean if math.isfinite(mean) else None


def _counted(progress: Progress, name: str, done: int, total: int) -> Callable[[], None]:
    count = [done]

    def one_more() -> None:
        count[0] += 1
        progress(f"judging {name}", count[0], total)

    return one_more
