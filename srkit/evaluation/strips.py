"""Strip pictures, one file a photo: original | baseline | models of a table, and baseline | model | original along the
way."""

from __future__ import annotations

import math
from collections.abc import Mapping
from pathlib import Path

from torch import Tensor, nn

from srkit.data.decoding import file_stem
from srkit.evaluation.figures import score_figure
from srkit.evaluation.rows import MetricMean, Photo
from srkit.evaluation.strip import strip
from srkit.inference.forward import evaluating, forward, from_eight_bit, to_eight_bit


class StripWriter:
    """An `on_photo` callback that writes a strip for each photo.

    Args:
        folder: where they go.
        models: the rows' names, in order.
        metric: whose value stands in the captions.

    Attributes:
        written: the files, in order.
    """

    def __init__(self, folder: Path, *models: str, metric: str = "psnr-y") -> None:
        self.folder = folder
        self.models = models
        self.metric = metric
        self.written: list[Path] = []

    def __call__(self, photo: Photo, pictures: Mapping[str, Tensor], scores: Mapping[str, Mapping[str, float]]) -> None:
        panels: list[tuple[str, Tensor]] = [("original", photo.hr)] if photo.hr is not None else []
        for model in self.models:
            value = scores[model].get(self.metric)
            if value is None:
                panels.append((model, pictures[model]))
                continue
            mean = MetricMean(None if math.isinf(value) else value, "dB", higher_is_better=True)
            panels.append((f"{model} {score_figure(mean)} dB", pictures[model]))
        if photo.hr is not None:
            panels[0] = ("original", _cut_like(panels[1][1], photo.hr))
        self.folder.mkdir(parents=True, exist_ok=True)
        path = self.folder / f"{file_stem(photo.name)}.png"
        strip(panels).save(path)
        self.written.append(path)


class SampleStrip:
    """Writes baseline | model | original of a validation photo; without the original where there is none.

    Args:
        name: the baseline's.
        upscale: the baseline, which has no weights that would have to be on a device.
    """

    def __init__(self, name: str, upscale: nn.Module) -> None:
        self.name = name
        self.upscale = upscale

    def __call__(self, path: Path, model: str, views: Mapping[str, Tensor]) -> None:
        with evaluating(self.upscale):
            made = to_eight_bit(forward(self.upscale, from_eight_bit(views["lr"]).unsqueeze(0)))[0]
        panels = [(self.name, made), (model, views["sr"])]
        if "hr" in views:
            panels.append(("original", _cut_like(made, views["hr"])))
        strip(panels).save(path)


def _cut_like(picture: Tensor, original: Tensor) -> Tensor:
    """The original without the surplus rows and columns that have no counterpart."""
    height, width = picture.shape[-2:]
    return original[:, :height, :width]
