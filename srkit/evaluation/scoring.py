"""The scoring protocol: each photo through each model in turn, to 8 bit, border cropped, judged, and timed."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, field
from statistics import median
from time import perf_counter
from typing import TypedDict, Unpack

import torch
from torch import Tensor

from srkit.assembly.untouched import Untouched
from srkit.contracts import Metric, Views
from srkit.draws import SampleDraws, StreamKey
from srkit.errors import SrkitError, UserError
from srkit.evaluation.finite import with_finite_means
from srkit.evaluation.metric_calls import metric_call
from srkit.evaluation.rows import MetricMean, Model, Photo, Row, by_protocol
from srkit.exactness import all_bits
from srkit.inference.forward import evaluating, forward, from_eight_bit, is_finite, to_eight_bit

__all__ = ["How", "MetricMean", "Model", "OnPhoto", "Photo", "Row", "by_protocol", "score", "score_all"]

OnPhoto = Callable[[Photo, Mapping[str, Tensor], Mapping[str, Mapping[str, float]]], None]
"""Called after each photo with the photo, the SR pictures by model's name (uint8 (3, H, W) on the CPU, whole), and
their scores by model's and metric's name (empty for a photo without original). No picture is kept afterwards."""


class How(TypedDict, total=False):
    """The keyword arguments that `score` passes on to `score_all`, which explains them."""

    set_name: str
    downscaler: str
    degradations: Sequence[str]
    device: torch.device | str
    autocast: torch.dtype | None
    channels_last: bool
    downscale: Callable[[Tensor], Tensor] | None
    on_photo: OnPhoto | None


def score(
    model: Model, photos: Iterable[Photo], metrics: Mapping[str, Metric], *, scale: int, **how: Unpack[How]
) -> Row:
    """Score one model; arguments, result and errors as for `score_all`."""
    return score_all([model], photos, metrics, scale=scale, **how)[0]


def score_all(
    models: Sequence[Model],
    photos: Iterable[Photo],
    metrics: Mapping[str, Metric],
    *,
    scale: int,
    set_name: str = "",
    downscaler: str = "",
    degradations: Sequence[str] = (),
    device: torch.device | str = "cpu",
    autocast: torch.dtype | None = None,
    channels_last: bool = False,
    downscale: Callable[[Tensor], Tensor] | None = None,
    on_photo: OnPhoto | None = None,
) -> list[Row]:
    """Score models side by side: every photo goes through all of them before the next, so that a machine that gets
    slower in between does so for all.

    SR is clamped and rounded to 8 bit, `scale` pixels are cropped on every side of SR and original (one LR pixel of
    `views.lr`), and each metric is called with one image at a time.

    Args:
        models: rows in the table's order, the baseline first; their networks and the metrics' are on `device` already.
        photos: read once, one after another; need not fit into memory.
        metrics: by name.
        scale: SR pixels a LR pixel.
        set_name: what the photos are called together.
        downscaler, degradations: what made the LR images, for the record.
        device: where to compute.
        autocast: the dtype the models with parameters compute in; None for fp32. A picture that overflows it is
            computed again in fp32, and the row warns of it.
        channels_last: hand the input over in that memory layout.
        downscale: the experiment's downscaler as a function of a batch, for metrics that take `views`.
        on_photo: sees each photo's pictures.

    Returns:
        A row a model.

    Raises:
        SrkitError: a picture of the wrong size or not finite, a photo too small for its border, a name used twice, a
            metric that gives no number.
    """
    device = torch.device(device)
    tallies = {model.name: _Tally(model) for model in models}
    if len(tallies) != len(models):
        raise SrkitError(f"two models have one name: {', '.join(model.name for model in models)}")
    calls = {name: metric_call(name, metric) for name, metric in metrics.items()}
    names: set[str] = set()
    with ExitStack() as stack:
        stack.enter_context(evaluating(*(model.module for model in models), *metrics.values()))
        for index, photo in enumerate(photos):
            if photo.name in names:
                raise SrkitError(f"two photos have one name: {photo.name}")
            names.add(photo.name)
            lr = from_eight_bit(photo.lr.to(device)).unsqueeze(0)
            hr = None if photo.hr is None else original_of(photo, scale).to(device)
            pictures = {}
            for tally in tallies.values():
                sr = tally.upscale(photo.name, lr, autocast, channels_last)
                check_size(tally.model.name, photo, sr, scale)
                if hr is not None:
                    views = views_of(sr, hr, lr, scale, border=scale, number=index, downscale=downscale)
                    with all_bits(device):
                        tally.judge(photo.name, calls, views)
                if on_photo is not None:
                    pictures[tally.model.name] = sr.cpu()
            if on_photo is not None:
                on_photo(photo, pictures, {name: tally.scores.get(photo.name, {}) for name, tally in tallies.items()})
    return with_finite_means(
        [
            tally.row(metrics, set_name=set_name, scale=scale, downscaler=downscaler, degradations=degradations)
            for tally in tallies.values()
        ]
    )


@dataclass
class _Tally:
    """What is known of a model so far."""

    model: Model
    scores: dict[str, dict[str, float]] = field(default_factory=dict)
    rates: list[float] = field(default_factory=list)
    overflows: dict[torch.dtype, int] = field(default_factory=dict)
    warm: set[torch.Size] = field(default_factory=set)

    def upscale(self, photo: str, lr: Tensor, autocast: torch.dtype | None, channels_last: bool) -> Tensor:
        """(1, 3, h, w) -> uint8 (3, H, W); notes the time."""
        if self.model.parameters == 0:
            autocast = None
        # The first pass pays for threads, memory and kernels. On an accelerator each new size pays again for the choice
        # of kernels; on a CPU it pays next to nothing, and a second pass a photo would double a slow benchmark.
        if not self.warm or (lr.device.type != "cpu" and lr.shape not in self.warm):
            self._timed(lr, autocast, channels_last)
        self.warm.add(lr.shape)
        sr, seconds = self._timed(lr, autocast, channels_last)
        if autocast is not None and not is_finite(sr):
            self.overflows[autocast] = self.overflows.get(autocast, 0) + 1
            sr, again = self._timed(lr, None, channels_last)
            seconds += again
        if not is_finite(sr):
            raise SrkitError(
                f"{self.model.name}: the picture of {photo} is not finite (NaN or infinite values): its training "
                "diverged or its weights are damaged. Use an earlier checkpoint."
            )
        self.rates.append(seconds / (sr.shape[-2] * sr.shape[-1] / 1e6))
        return to_eight_bit(sr)[0]

    def _timed(self, lr: Tensor, autocast: torch.dtype | None, channels_last: bool) -> tuple[Tensor, float]:
        wait_for(lr.device)
        start = perf_counter()
        sr = forward(self.model.module, lr, autocast=autocast, channels_last=channels_last)
        wait_for(lr.device)
        return sr, perf_counter() - start

    def judge(self, photo: str, calls: Mapping[str, Callable[[Views], float]], views: Views) -> None:
        self.scores[photo] = scores = {}
        untouched = Untouched(True, sr=views.sr, hr=views.hr, lr=views.lr)
        try:
            for name, call in calls.items():
                scores[name] = call(views)
                untouched.after(f"the metric {name!r}")
                untouched.settle()
        except SrkitError as error:
            raise error.about(f"{self.model.name}, {photo}") from error

    def row(
        self,
        metrics: Mapping[str, Metric],
        *,
        set_name: str,
        scale: int,
        downscaler: str,
        degradations: Sequence[str],
    ) -> Row:
        means = {}
        for name, metric in metrics.items():
            values = [scores[name] for scores in self.scores.values()]
            if values:
                mean = _null_if_infinite(math.fsum(values) / len(values))
                means[name] = MetricMean(mean, metric.unit, metric.higher_is_better)
        overflow = [
            f"{count} of {len(self.rates)} pictures overflowed {str(dtype).removeprefix('torch.')} and were computed "
            "in float32"
            for dtype, count in self.overflows.items()
        ]
        return Row(
            model=self.model.name,
            set=set_name,
            scale=scale,
            downscaler=downscaler,
            images=len(self.scores),
            metrics=means,
            per_image={
                photo: {name: _null_if_infinite(value) for name, value in scores.items()}
                for photo, scores in self.scores.items()
            },
            degradations=tuple(degradations),
            border=scale,
            parameters=self.model.parameters,
            # The median, because one photo during which something else had the machine would drag a mean along.
            seconds_per_megapixel=median(self.rates) if self.rates else None,
            warnings=(*self.model.warnings, *overflow),
        )


def _null_if_infinite(value: float) -> float | None:
    return value if math.isfinite(value) else None


def wait_for(device: torch.device) -> None:
    """Until everything that was given to the device is done; a clock read before would stop too early."""
    if device.type == "cuda":
        torch.cuda.synchronize(device)
    elif device.type == "mps":
        torch.mps.synchronize()


def original_of(photo: Photo, scale: int, border: int | None = None) -> Tensor:
    """The original, uint8 (3, h * scale, w * scale), cut to the size that the LR picture stands for."""
    assert photo.hr is not None
    height, width = (side * scale for side in photo.lr.shape[-2:])
    spare = (photo.hr.shape[-2] - height, photo.hr.shape[-1] - width)
    if not all(0 <= rest < scale for rest in spare):
        raise UserError(
            f"{photo.name}: an original of {_size(photo.hr)} does not belong to a LR picture of {_size(photo.lr)} at "
            f"scale {scale}"
        )
    border = scale if border is None else border
    if min(height, width) <= 2 * border:
        raise UserError(f"{photo.name}: {_size(photo.hr)} leaves nothing to score inside a border of {border} pixels")
    return photo.hr[:, :height, :width]


def check_size(model: str, photo: Photo, sr: Tensor, scale: int) -> None:
    """Raise `SrkitError` where the SR picture (..., H, W) is not the LR picture's size times the scale."""
    expected = tuple(side * scale for side in photo.lr.shape[-2:])
    if tuple(sr.shape[-2:]) != expected:
        raise SrkitError(
            f"{model}: made {_size(sr)} out of {_size(photo.lr)} ({photo.name}); at scale {scale} it is "
            f"{expected[1]} x {expected[0]}"
        )


def _size(image: Tensor) -> str:
    return f"{image.shape[-1]} x {image.shape[-2]}"


def views_of(
    sr: Tensor,
    hr: Tensor,
    lr: Tensor,
    scale: int,
    *,
    border: int,
    number: int,
    downscale: Callable[[Tensor], Tensor] | None,
) -> Views:
    """A metric's views of one photo.

    Args:
        sr, hr: uint8 (3, H, W), borders still on.
        lr: (1, 3, h, w) float in [0, 1]; loses the LR pixels that the border touches.
        scale: SR pixels a LR pixel.
        border: SR pixels to crop on every side.
        number: what a metric's draws are keyed by; the same for each model, so that like is compared with like.
        downscale: the downscaler as a function of a batch.
    """

    def cropped(image: Tensor, width: int) -> Tensor:
        height, length = image.shape[-2:]
        return image[..., width : height - width, width : length - width]

    return Views(
        sr=from_eight_bit(cropped(sr, border)).unsqueeze(0),
        hr=from_eight_bit(cropped(hr, border)).unsqueeze(0),
        lr=cropped(lr, -(-border // scale)),
        step=0,
        draws=SampleDraws(StreamKey(seed=0, attempt=0, step=0), [number], "metric"),
        downscale=downscale,
    )
