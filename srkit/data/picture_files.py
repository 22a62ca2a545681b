"""The pictures of a folder that has no data set around it: real LR photos without an original."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np

from srkit.data.decoding import IMAGE_SUFFIXES, decode


def _is_hidden(path: Path) -> bool:
    """Whether its name, or that of a folder it lies in, begins with a dot; data sets of folders skip these."""
    return any(part.startswith(".") for part in path.parts)


class PictureFiles:
    """The pictures below a folder, sorted, as `validation.photos` takes them; a data set.

    Args:
        folder: where they are; one that is not there holds none.
    """

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        found = (one for one in folder.rglob("*") if one.suffix.lower() in IMAGE_SUFFIXES)
        self._files = sorted(one for one in found if not _is_hidden(one.relative_to(folder)))

    def __len__(self) -> int:
        return len(self._files)

    def __getitem__(self, index: int) -> np.ndarray:
        """uint8 RGB (H, W, 3). Raises `BadImage` with the path."""
        return decode(self._files[index])

    def name(self, index: int) -> str:
        """The path below the folder, with forward slashes."""
        return self._files[index].relative_to(self._folder).as_posix()

    def files(self) -> Sequence[Path]:
        """One path a picture."""
        return self._files
