"""Strip pictures, one file a photo: original | baseline | models of a table, and baseline | model | original along the
way."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from torch import Tensor, nn

from srkit.data.decoding import FileStems
from srkit.data.placing import placed
from srkit.evaluation.captions import caption
from srkit.evaluation.look import Box
from srkit.evaluation.rows import Photo
from srkit.evaluation.strip import MAX_WIDTH, Choose, detailed_original, strip
from srkit.inference.forward import evaluating, forward, from_eight_bit, to_eight_bit

__all__ = ["SampleStrip", "StripWriter", "cut_like"]


class StripWriter:
    """An `on_photo` callback that writes a strip for each photo.

    Args:
        folder: where they go.
        models: the rows' names, in order.
        metric: whose value stands in the captions.
        crops: the parts that are magnified; by default one that `choose` finds.
        choose: finds it among original and models; by default the original's most detailed part.
        note: what stands beneath each strip, after the photo's name.
        max_width: of a strip, in pixels.
        most: how many photos get one, and how many without an original; by default all.
        file: what the one photo's file is called; by default after the photo.

    Attributes:
        written: the files, in order.
    """

    def __init__(
        self,
        folder: Path,
        *models: str,
        metric: str = "psnr-y",
        crops: Sequence[Box] = (),
        choose: Choose = detailed_original,
        note: str = "",
        max_width: int = MAX_WIDTH,
        most: int | None = None,
        file: str = "",
    ) -> None:
        self.folder = folder
        self.file = file
        self.models = models
        self.metric = metric
        self.note = note
        self.how: dict[str, Any] = {"crops": crops, "choose": choose, "max_width": max_width}
        self.written: list[Path] = []
        self.most = most
        self._seen = Counter[bool]()
        self._stem = FileStems()

    def __call__(self, photo: Photo, pictures: Mapping[str, Tensor], scores: Mapping[str, Mapping[str, float]]) -> None:
        self._seen[photo.hr is None] += 1
        if self.most is not None and self._seen[photo.hr is None] > self.most:
            return
        panels = [(caption(model, scores[model].get(self.metric)), pictures[model]) for model in self.models]
        if photo.hr is not None:
            panels.insert(0, ("original", cut_like(panels[0][1], photo.hr)))
        self.folder.mkdir(parents=True, exist_ok=True)
        path = self.folder / (self.file or f"{self._stem(photo.name)}.png")
        note = f"{photo.name}, {self.note}" if self.note else ""
        with placed(path) as aside:
            strip(panels, note=note, **self.how).save(aside, format="PNG")
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
            panels.append(("original", cut_like(made, views["hr"])))
        with placed(path) as aside:
            strip(panels).save(aside, format="PNG")


def cut_like(picture: Tensor, original: Tensor) -> Tensor:
    """The original without the surplus rows and columns that have no counterpart."""
    height, width = picture.shape[-2:]
    return original[:, :height, :width]
