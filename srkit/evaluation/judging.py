"""The photos an experiment is judged on, made once with fixed draws, and a generator's scores on them."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, Protocol

import numpy as np
import torch
from torch import Tensor, nn

from srkit.assembly import Assembly
from srkit.contracts import Dataset, Metric
from srkit.data.cache import gives_pairs
from srkit.data.lr_images import LrMaker
from srkit.draws import SampleDraws, StreamKey
from srkit.evaluation.described import dataset_name, described
from srkit.evaluation.finite import named
from srkit.evaluation.rows import GIVEN, Model, Photo, Row
from srkit.evaluation.scoring import OnPhoto, original_of, score, score_all
from srkit.evaluation.too_small import too_small
from srkit.inference.forward import from_eight_bit


def photos_of(dataset: Dataset, maker: LrMaker, scale: int, seed: int, limit: int | None = None) -> list[Photo]:
    """The photos of a set with their LR images; degradations are drawn from the seed and the photo's number alone."""
    photos = []
    for index in range(min(len(dataset), limit or len(dataset))):
        sample = dataset[index]
        if isinstance(sample, tuple):
            lr, hr = (_tensor(one) for one in sample)
        else:
            hr = _tensor(sample)
            lr = shrunk(hr, maker, scale, seed, index)
        photos.append(Photo(dataset.name(index), hr, lr))
    return photos


def _whole(sample: np.ndarray | tuple[np.ndarray, np.ndarray]) -> Tensor:
    return _tensor(sample[1] if isinstance(sample, tuple) else sample)


def _tensor(image: np.ndarray) -> Tensor:
    # a copy, because a memory-mapped picture is read-only, which torch does not take without a warning
    return torch.from_numpy(np.array(image)).permute(2, 0, 1).contiguous()


@torch.no_grad()
def shrunk(hr: Tensor, maker: LrMaker, scale: int, seed: int, index: int) -> Tensor:
    """uint8 (3, H, W) -> (3, H // scale, W // scale); degradations drawn from the seed and the photo's number alone."""
    height, width = (side // scale * scale for side in hr.shape[-2:])
    key = StreamKey(seed, 0, 0)
    image = hr[None, :, :height, :width].float() / 255
    lr = maker(image, lambda name: SampleDraws(key, [index], name))
    return (lr[0] * 255).round().to(torch.uint8)


class Sharing(Protocol):
    """Processes that share photos out: this one's number, how many there are, everybody's value, and that for the first
    process alone, by number."""

    @property
    def rank(self) -> int: ...

    @property
    def size(self) -> int: ...

    def gather(self, value: dict[str, Any]) -> list[dict[str, Any]]: ...

    def collect(self, value: dict[str, Any]) -> list[dict[str, Any]]: ...


@dataclass(frozen=True)
class Judge:
    """Everything that stays the same from one validation of a run to the next.

    Pictures are computed in fp32, whatever a run trains in: bf16 has 8 bits for a value, and rounding the picture to
    them would cost every table a part of the difference it is there to show.

    Attributes:
        photos: the photos, originals and those without.
        metrics: what is measured.
        set_name, downscaler, degradations: how the LR images were made, in words.
        downscale: the downscaler as a function of a batch; None where the LR images are given or a pipeline made them.
        left_out: by metric, the images whose scores are in no validation's mean; see `_flat_ones`.
    """

    photos: Sequence[Photo]
    metrics: Mapping[str, Metric]
    scale: int
    device: torch.device
    set_name: str
    downscaler: str
    degradations: tuple[str, ...]
    downscale: Callable[[Tensor], Tensor] | None
    left_out: Mapping[str, frozenset[str]] = field(default_factory=dict)

    @property
    def notes(self) -> list[str]:
        """A sentence for each metric of which validation leaves images out."""
        return [
            f"{name.upper()} is infinite where a flat image is reproduced: its mean at validations leaves out "
            f"{named(sorted(images))}"
            for name, images in self.left_out.items()
        ]

    def score(self, models: Sequence[Model], on_photo: OnPhoto | None = None) -> list[Row]:
        """A row for each model."""
        return score_all(
            models,
            self.photos,
            self.metrics,
            scale=self.scale,
            set_name=self.set_name,
            downscaler=self.downscaler,
            degradations=self.degradations,
            device=self.device,
            channels_last=True,
            downscale=self.downscale,
            on_photo=on_photo,
        )

    def validate(
        self,
        network: nn.Module,
        name: str,
        among: Sharing | None = None,
        on_judged: Callable[[int, int], None] = lambda *_: None,
    ) -> tuple[dict[str, float], dict[str, dict[str, Tensor]]]:
        """One generator's means by metric, and each photo's pictures: `lr`, `sr`, and `hr` where there is one.

        Args:
            among: the processes that share the photos out; the pictures are the first one's alone.
            on_judged: is told how many of this process's photos are judged, from 0 on, and how many there are.
        """
        pictures: dict[str, dict[str, Tensor]] = {}
        scores: dict[str, Mapping[str, float]] = {}

        def keep(photo: Photo, made: Mapping[str, Tensor], scored: Mapping[str, Mapping[str, float]]) -> None:
            pictures[photo.name] = {"lr": photo.lr, "sr": made[name]} | (
                {"hr": photo.hr} if photo.hr is not None else {}
            )
            scores[photo.name] = scored[name]
            on_judged(len(scores), len(mine))

        mine = self.photos if among is None else self.photos[among.rank :: among.size]
        on_judged(0, len(mine))
        if mine:
            replace(self, photos=mine).score([Model(name, network, parameters=count_parameters(network))], keep)
        if among is not None:
            scores, pictures = _joined(among.gather(scores)), _joined(among.collect(pictures))
        names = [photo.name for photo in self.photos]
        means = _means(scores, names, self.metrics, self.left_out)
        return means, {one: pictures[one] for one in names if one in pictures}

    def try_largest(self, network: nn.Module, name: str) -> Photo:
        """Judge the largest photo alone, which it gives: if any is too much for the memory, it is that one."""
        photo = max(self.photos, key=lambda one: one.lr.numel())
        replace(self, photos=[photo]).validate(network, name)
        return photo


def _joined(tables: Sequence[dict[str, Any]]) -> dict[str, Any]:
    return {key: value for table in tables for key, value in table.items()}


def _means(
    scores: Mapping[str, Mapping[str, float]],
    names: Sequence[str],
    metrics: Mapping[str, Metric],
    left_out: Mapping[str, frozenset[str]],
) -> dict[str, float]:
    """Each metric's mean over the photos that have an original; their order is the set's, whoever judged them."""
    means = {}
    for name in metrics:
        values = [scores[one][name] for one in names if scores[one] and one not in left_out.get(name, ())]
        if values:
            means[name] = math.fsum(values) / len(values)
    return means


def _flat_ones(
    photos: Sequence[Photo], metrics: Mapping[str, Metric], scale: int, device: torch.device
) -> dict[str, frozenset[str]]:
    """By metric, the flat images on which it is infinite for whoever reproduces them, as interpolation does.

    Every validation leaves them out, also one in which a network misses them by a level: a mean that is infinite at one
    validation and finite at the next tells neither a schedule nor `checkpoint.best` anything. Where all images are flat
    none is left out.
    """
    scored = [one for one in photos if one.hr is not None]
    flat = [one for one in scored if _is_flat(one, scale)]
    if not flat or len(flat) == len(scored):
        return {}
    # a flat image is as good as any other to tell which metrics know no finite best
    hr = original_of(flat[0], scale)
    copy = Model("original", lambda lr: _as_output(hr, lr, scale))
    (scores,) = score(copy, flat[:1], metrics, scale=scale, device=device).per_image.values()
    names = frozenset(one.name for one in flat)
    return {name: names for name, value in scores.items() if value is None}


def _is_flat(photo: Photo, scale: int) -> bool:
    """Whether LR and original, inside the border, are of one and the same colour."""
    assert photo.hr is not None
    inside = photo.hr[:, scale:-scale, scale:-scale]
    colour = photo.lr[:, :1, :1]
    return bool((photo.lr == colour).all() and (inside == colour).all())


def make_judge(assembly: Assembly, device: torch.device) -> Judge | None:
    """The judge an experiment asks for; None where it has neither validation photos nor pictures to upscale."""
    experiment = assembly.plan.experiment
    photos: list[Photo] = []
    if assembly.validate is not None:
        limit = experiment.validation.images
        photos += photos_of(assembly.validate, assembly.lr_maker, experiment.scale, experiment.seed, limit)
    if assembly.photos is not None:
        own = assembly.photos
        photos += [Photo(f"photos/{own.name(one)}", None, _whole(own[one])) for one in range(len(own))]
    if not photos:
        return None
    given = assembly.validate is not None and gives_pairs(assembly.validate)
    maker = assembly.lr_makers[0]
    return Judge(
        photos=photos,
        metrics=assembly.metrics,
        scale=experiment.scale,
        device=device,
        set_name=set_name(assembly),
        downscaler=GIVEN if given else downscaler_name(assembly),
        degradations=() if given else tuple(degradation_names(assembly)),
        # the first stage's, whose parts are on the device
        downscale=None if given or maker.downscaler is None else maker.shrink,
        left_out=_flat_ones(photos, assembly.metrics, experiment.scale, device),
    )


def too_small_to_judge(assembly: Assembly, sizes: Mapping[int, tuple[int, int]]) -> dict[int, list[str]]:
    """The metrics that cannot score an image, by its number; none where its border leaves nothing to score. Images that
    all metrics can score are not among these.

    Args:
        sizes: (h, w) of the originals by the images' numbers.
    """
    scale = assembly.plan.experiment.scale
    whole = {number: (height // scale * scale, width // scale * scale) for number, (height, width) in sizes.items()}
    by_image: dict[int, list[str]] = {number: [] for number, size in whole.items() if min(size) <= 2 * scale}
    rest = {number: size for number, size in whole.items() if number not in by_image}
    found = too_small(assembly.metrics, rest, scale=scale, border=scale, device=torch.device("cpu"))
    for metric, images in found.items():
        for number in images:
            by_image.setdefault(number, []).append(metric)
    return by_image


def _as_output(hr: Tensor, lr: Tensor, scale: int) -> Tensor:
    height, width = (side * scale for side in lr.shape[-2:])
    return from_eight_bit(hr[None, :, :height, :width].to(lr.device))


def count_parameters(network: nn.Module) -> int:
    return sum(one.numel() for one in network.parameters())


def set_name(assembly: Assembly) -> str:
    """What the validation set is called in a table."""
    pick = assembly.plan.picks.get(("data", "validate"))
    return dataset_name(pick) if pick is not None else ""


def downscaler_name(assembly: Assembly) -> str:
    """What made the LR images: the downscaler with what was chosen of it, or the pipeline."""
    pick = assembly.plan.picks.get(("downscaler",)) or assembly.plan.picks.get(("lr_pipeline",))
    return described(pick) if pick is not None else ""


def degradation_names(assembly: Assembly) -> list[str]:
    """The degradations with their options, in the order they are applied."""
    entries = assembly.plan.experiment.degradation
    named = zip(entries, assembly.plan.degradations, strict=True)
    ordered = sorted(named, key=lambda pair: pair[0].when == "after")
    return [described(pick) + (" before" if entry.when == "before" else "") for entry, pick in ordered]
