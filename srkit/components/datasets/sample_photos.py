"""The photographs that lie in scikit-image's package: real pictures on every machine, without a download."""

from __future__ import annotations

from collections.abc import Sequence
from importlib.util import find_spec
from pathlib import Path
from typing import Literal

import numpy as np

from srkit.data.decoding import decode
from srkit.errors import OptionError

# What is held out differs in kind: a face and lettering, fur out of focus at the edges, wood grain and metal, stained
# tissue. The two views of the motorcycle show one scene and stay together.
VALIDATE = ("astronaut.png", "chelsea.png", "coffee.png", "ihc.png")
TRAIN = (
    "motorcycle_left.png",
    "motorcycle_right.png",
    "rocket.jpg",
    "hubble_deep_field.jpg",
    "camera.png",
    "coins.png",
    "brick.png",
    "grass.png",
    "gravel.png",
)
# Left out: what is drawn or printed (color, phantom, logo, horse, chessboards, page, text), what is blurred or nearly
# flat at this resolution (retina, where bicubic has 49 dB and nothing is left to learn; moon, cell, clock_motion), and
# microaneurysms, which is smaller than a patch.


class SamplePhotos:
    """The photos in scikit-image's package, split for training and validation.

    Args:
        split: Which side: "train" (9 photos), "validate" (4 colour photos of other scenes) or "all".

    Raises:
        OptionError: scikit-image or one of its photos is not there; unknown split.
    """

    def __init__(self, *, split: Literal["train", "validate", "all"] = "train") -> None:
        sides = {"train": TRAIN, "validate": VALIDATE, "all": TRAIN + VALIDATE}
        if split not in sides:
            raise OptionError("split", f"no split {split!r}; there are train, validate and all")
        folder = _photo_folder()
        self._files = [folder / name for name in sides[split]]
        missing = [file.name for file in self._files if not file.is_file()]
        if missing:
            raise OptionError(
                "split",
                f"{', '.join(missing)} not found in {folder}; this scikit-image came without its photos: "
                "install it from its own wheel",
            )

    def __len__(self) -> int:
        return len(self._files)

    def __getitem__(self, index: int) -> np.ndarray:
        """uint8 RGB (H, W, 3)."""
        return decode(self._files[index])

    def name(self, index: int) -> str:
        """The file's name, such as `astronaut.png`."""
        return self._files[index].name

    def files(self) -> Sequence[Path]:
        """One path a sample."""
        return list(self._files)


def _photo_folder() -> Path:
    # Found, not imported: importing scikit-image takes longer than reading all its photos.
    spec = find_spec("skimage")
    if spec is None or not spec.submodule_search_locations:
        raise OptionError("use", "the photos come with scikit-image, which is not installed; install srkit again")
    return Path(next(iter(spec.submodule_search_locations))) / "data"
