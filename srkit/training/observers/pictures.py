"""samples/: the validation pictures side by side with the originals, a folder a validation."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path

from torch import Tensor

from srkit.data.decoding import FileStems
from srkit.hooks import hookimpl
from srkit.links import folder_inside
from srkit.training.checkpoint import checkpoint_name
from srkit.training.run import Pictures, Run

Draw = Callable[[Path, str, Mapping[str, Tensor]], None]


class SamplePictures:
    """Has a picture made of the first `validation.samples` photos, and of as many without an original.

    Args:
        draw: writes one photo's views, `lr`, `sr` and perhaps `hr`, to a path; it is told the run's name too.
    """

    def __init__(self, draw: Draw) -> None:
        self.draw = draw

    @hookimpl
    def srkit_validation_end(self, run: Run, step: int, pictures: Pictures) -> None:
        folder = folder_inside(run.folder, "samples", checkpoint_name(step))
        stem = FileStems()
        most = run.experiment.validation.samples
        with_original = [name for name, views in pictures.items() if "hr" in views][:most]
        without = [name for name, views in pictures.items() if "hr" not in views][:most]
        for name in (*with_original, *without):
            self.draw(folder / f"{stem(name)}.png", run.name, pictures[name])
