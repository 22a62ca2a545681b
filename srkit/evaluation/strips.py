"""Strip pictures of a table: original | baseline | models, one file a photo, written as the photos are scored."""

from __future__ import annotations

import math
from collections.abc import Mapping
from pathlib import Path

from torch import Tensor

from srkit.data.decoding import file_stem
from srkit.evaluation.figures import score_figure
from srkit.evaluation.rows import MetricMean, Photo
from srkit.evaluation.strip import strip


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
            # surplus rows and columns of the original have no counterpart
            height, width = panels[1][1].shape[-2:]
            panels[0] = ("original", photo.hr[:, :height, :width])
        self.folder.mkdir(parents=True, exist_ok=True)
        path = self.folder / f"{file_stem(photo.name)}.png"
        strip(panels).save(path)
        self.written.append(path)
