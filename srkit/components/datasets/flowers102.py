"""Oxford's flowers, the small set that the notes try their ideas on."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import ClassVar, Literal

import numpy as np
from PIL import Image

from srkit.contracts import Provenance
from srkit.data.decoding import decode
from srkit.errors import OptionError

__all__ = ["Flowers102"]


class Flowers102:
    """Flowers102 by torchvision (Nilsback and Zisserman 2008): centre squares, resized.

    The notes' recipe (experiments/notes.md): 1,020 training pictures of 256 x 256 pixels, resized by Pillow's bilinear
    with antialias. The photos are 500 pixels at their shorter side and more.

    Args:
        root: The folder that holds `flowers-102`.
        split: Which of the set's own splits: "train" (1,020), "val" (1,020) or "test" (6,149).
        size: Side of the pictures in pixels; None leaves the photos as they are.
        download: Fetch the set (330 MB) where it is not there.

    Raises:
        OptionError: the set is not there, or a size below 1.
    """

    needs_trust: ClassVar = {"download": (False,)}

    def __init__(
        self,
        root: Path,
        split: Literal["train", "val", "test"] = "train",
        size: int | None = 256,
        download: bool = False,
    ) -> None:
        if size is not None and size < 1:
            raise OptionError("size", f"a picture has at least one pixel, got {size}.")
        # Imported here because it takes over a second, and most runs need nothing of it.
        from torchvision.datasets import Flowers102 as Files

        try:
            files = Files(str(root), split=split, download=download)
        except RuntimeError as error:
            raise OptionError("root", f"{root} holds no flowers-102 ({error}); download = true fetches it.") from None
        except ModuleNotFoundError as error:
            raise OptionError(
                "use", f"torchvision reads this set with {error.name!r}, which is not installed."
            ) from None
        except OSError as error:  # no network, no right to write there, a full disk
            reason = getattr(error, "reason", None) or error
            way_out = "copy it there from a machine that has it, or try again later"
            raise OptionError(
                "download", f"flowers-102 could not be fetched into {root} ({reason}); {way_out}."
            ) from None
        self._files = [str(file) for file in files._image_files]
        self.size = size
        self.provenance = Provenance(resolved={"download": False})  # the set is there now

    def __len__(self) -> int:
        return len(self._files)

    def __getitem__(self, index: int) -> np.ndarray:
        """uint8 RGB (size, size, 3). Raises `BadImage` with the path."""
        photo = decode(self._files[index])
        if self.size is None:
            return photo
        side = min(photo.shape[:2])
        top, left = (photo.shape[0] - side) // 2, (photo.shape[1] - side) // 2
        square = Image.fromarray(np.ascontiguousarray(photo[top : top + side, left : left + side]))
        return np.array(square.resize((self.size, self.size), Image.Resampling.BILINEAR))

    def name(self, index: int) -> str:
        """The file's name, such as `image_00001.jpg`."""
        return Path(self._files[index]).name

    def files(self) -> Sequence[Path]:
        """One path a sample."""
        return [Path(file) for file in self._files]
