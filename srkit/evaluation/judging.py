"""The photos an experiment is judged on, made once with fixed draws, and a generator's scores on them."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from torch import Tensor, nn

from srkit.assembly import Assembly
from srkit.contracts import Dataset, Metric
from srkit.data.decoding import IMAGE_SUFFIXES, decode
from srkit.data.lr_images import LrMaker
from srkit.draws import SampleDraws, StreamKey
from srkit.errors import SrkitError, UserError
from srkit.evaluation.rows import Model, Photo, Row
from srkit.evaluation.scoring import OnPhoto, score, score_all
from srkit.experiment import Pick
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
            lr = _shrunk(hr, maker, scale, seed, index)
        photos.append(Photo(dataset.name(index), hr, lr))
    return photos


def _tensor(image: np.ndarray) -> Tensor:
    return torch.from_numpy(image).permute(2, 0, 1).contiguous()


@torch.no_grad()
def _shrunk(hr: Tensor, maker: LrMaker, scale: int, seed: int, index: int) -> Tensor:
    height, width = (side // scale * scale for side in hr.shape[-2:])
    key = StreamKey(seed, 0, 0)
    image = hr[None, :, :height, :width].float() / 255
    lr = maker(image, lambda name: SampleDraws(key, [index], name))
    return (lr[0] * 255).round().to(torch.uint8)


def photos_without_original(folder: Path) -> list[Photo]:
    """The pictures of a folder as they are: to be upscaled, not scored.

    Raises:
        UserError: the folder is not there or holds no picture.
    """
    if not folder.is_dir():
        raise UserError(f"validation.photos: there is no folder {folder}")
    files = sorted(one for one in folder.rglob("*") if one.suffix.lower() in IMAGE_SUFFIXES)
    if not files:
        raise UserError(f"validation.photos: {folder} holds no picture ({', '.join(sorted(IMAGE_SUFFIXES))})")
    return [Photo(f"photos/{one.relative_to(folder).as_posix()}", None, _tensor(decode(one))) for one in files]


@dataclass(frozen=True)
class Judge:
    """Everything that stays the same from one validation of a run to the next.

    Pictures are computed in fp32, whatever a run trains in: bf16 has 8 bits for a value, and rounding the picture to
    them would cost every table a part of the difference it is there to show.

    Attributes:
        photos: the photos, originals and those without.
        metrics: what is measured.
        set_name, downscaler, degradations: how the LR images were made, in words.
    """

    photos: Sequence[Photo]
    metrics: Mapping[str, Metric]
    scale: int
    device: torch.device
    set_name: str
    downscaler: str
    degradations: tuple[str, ...]
    downscale: Callable[[Tensor], Tensor]

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

    def validate(self, network: nn.Module, name: str) -> tuple[dict[str, float], dict[str, dict[str, Tensor]]]:
        """One generator's means by metric, and each photo's pictures: `lr`, `sr`, and `hr` where there is one."""
        pictures: dict[str, dict[str, Tensor]] = {}

        def keep(photo: Photo, made: Mapping[str, Tensor], _: object) -> None:
            pictures[photo.name] = {"lr": photo.lr, "sr": made[name]} | (
                {"hr": photo.hr} if photo.hr is not None else {}
            )

        (row,) = self.score([Model(name, network, parameters=count_parameters(network))], keep)
        means = {key: value.mean if value.mean is not None else float("inf") for key, value in row.metrics.items()}
        return means, pictures


def make_judge(assembly: Assembly, device: torch.device) -> Judge | None:
    """The judge an experiment asks for; None where it has neither validation photos nor pictures to upscale."""
    experiment = assembly.plan.experiment
    photos: list[Photo] = []
    if assembly.validate is not None:
        limit = experiment.validation.images
        photos += photos_of(assembly.validate, assembly.lr_maker, experiment.scale, experiment.seed, limit)
        _require_scorable(photos, assembly, device)
    if experiment.validation.photos is not None:
        photos += photos_without_original(experiment.validation.photos)
    if not photos:
        return None
    return Judge(
        photos=photos,
        metrics=assembly.metrics,
        scale=experiment.scale,
        device=device,
        set_name=set_name(assembly),
        downscaler=downscaler_name(assembly),
        degradations=tuple(degradation_names(assembly)),
        # the first stage's, whose parts are on the device
        downscale=assembly.lr_makers[0].shrink,
    )


SMALL = 64
"""Pixels of a side from which on no metric in use finds a photo too small."""


def _require_scorable(photos: Sequence[Photo], assembly: Assembly, device: torch.device) -> None:
    """Score small photos once with the original for its own copy, so that one too small is known before the training.

    Raises:
        UserError: with the photo's name and what a metric says of it.
    """
    scale = assembly.plan.experiment.scale
    for photo in photos:
        if photo.hr is None or min(photo.hr.shape[-2:]) >= SMALL:
            continue
        copy = Model("original", lambda lr, hr=photo.hr: _as_output(hr, lr, scale))  # type: ignore[misc]
        try:
            score(copy, [photo], assembly.metrics, scale=scale, device=device)
        except SrkitError as error:
            raise UserError(f"data.validate: {error}. Leave the photo out, or take a larger one") from error


def _as_output(hr: Tensor, lr: Tensor, scale: int) -> Tensor:
    height, width = (side * scale for side in lr.shape[-2:])
    return from_eight_bit(hr[None, :, :height, :width].to(lr.device))


def count_parameters(network: nn.Module) -> int:
    return sum(one.numel() for one in network.parameters())


def set_name(assembly: Assembly) -> str:
    """What the validation set is called in a table: the dataset, with its split or folder."""
    pick = assembly.plan.picks.get(("data", "validate"))
    if pick is None:
        return ""
    options = pick.all_options()
    path = options.get("path")
    if path is not None:
        paths = path if isinstance(path, (list, tuple)) else [path]
        return ", ".join(Path(one).name for one in paths)
    split = options.get("split")
    return f"{pick.component.name} ({split})" if split else pick.component.name


def downscaler_name(assembly: Assembly) -> str:
    """What made the LR images: the downscaler with what was chosen of it, or the pipeline."""
    pick = assembly.plan.picks.get(("downscaler",)) or assembly.plan.picks.get(("lr_pipeline",))
    return _described(pick) if pick is not None else ""


def degradation_names(assembly: Assembly) -> list[str]:
    """The degradations with their options, in the order they are applied."""
    entries = assembly.plan.experiment.degradation
    named = zip(entries, assembly.plan.degradations, strict=True)
    ordered = sorted(named, key=lambda pair: pair[0].when == "after")
    return [_described(pick) + (" before" if entry.when == "before" else "") for entry, pick in ordered]


def _described(pick: Pick) -> str:
    options = {key: value for key, value in pick.all_options().items() if value is not None}
    words = ", ".join(f"{key} {_value(value)}" for key, value in options.items())
    return f"{pick.component.name} ({words})" if words else pick.component.name


def _value(value: object) -> str:
    if isinstance(value, (tuple, list)) and len(value) == 2 and all(isinstance(one, (int, float)) for one in value):
        return f"{value[0]}..{value[1]}"
    return str(value)
