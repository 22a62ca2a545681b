"""A data set of files."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np
from PIL import Image

from srkit.errors import BadImage, OptionError


class Holidays:
    """The PNG files of a folder.

    Args:
        path: the folder.
    """

    def __init__(self, path: Path) -> None:
        self._files = sorted(path.glob("*.png"))
        if not self._files:
            raise OptionError("path", f"there is no PNG file in {path}.")

    def __len__(self) -> int:
        return len(self._files)

    def __getitem__(self, index: int) -> np.ndarray:
        """uint8 RGB (H, W, 3)."""
        try:
            with Image.open(self._files[index]) as opened:
                return np.asarray(opened.convert("RGB"))
        except (OSError, SyntaxError) as error:
            raise BadImage(self._files[index], str(error)) from error

    def name(self, index: int) -> str:
        """The file's name."""
        return self._files[index].name

    def files(self) -> Sequence[Path]:
        """One a sample: so that the data's fingerprint covers them, and `srkit check` opens each."""
        return self._files
