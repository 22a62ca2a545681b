"""A data set made of a packed set, which `srkit prepare --packed` writes."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from srkit.data.decoding import IMAGE_SUFFIXES
from srkit.data.packed import INDEX, PackedPictures
from srkit.errors import OptionError, UserError
from srkit.seeds import derived_seed

__all__ = ["Packed"]


class Packed:
    """The pictures of a packed set, memory-mapped: nothing is decoded, no worker is needed.

    `srkit prepare --packed` makes one. Opening it reads the index alone; whether the pictures are those that were
    packed is found out once, before a run or by `srkit check`, and remembered. The order is a function of the seed and
    the pictures' content.

    Args:
        path: The folder of the set, with `pictures.npy` and `index.json`.
        limit: Take the first so many pictures of the order; all of them by default.
        seed: The seed of the order; None leaves it as it was packed.

    Raises:
        OptionError: no packed set there, or a damaged one; `limit` is below 1.
    """

    def __init__(self, path: Path, *, limit: int | None = None, seed: int | None = 12) -> None:
        if limit is not None and limit < 1:
            raise OptionError("limit", f"{limit} pictures are no data set; take 1 or more, or leave it out for all")
        self._options = (Path(path), limit, seed)
        self._pictures = _opened(Path(path))
        self._order = _order(self._pictures.checks, seed)[:limit]

    def __len__(self) -> int:
        return len(self._order)

    def __getitem__(self, index: int) -> np.ndarray:
        """uint8 RGB (H, W, 3), a read-only view of the file."""
        return self._pictures[int(self._order[index])]

    def name(self, index: int) -> str:
        """What the picture is called in the set, such as `photo.jpg@2+256+0`: shrink, left and top of the patch."""
        return self._pictures.name(int(self._order[index]))

    def files(self) -> Sequence[Path]:
        """The one file, once for each sample."""
        return [self._pictures.file] * len(self)

    def sizes(self) -> Sequence[tuple[int, int]]:
        """(width, height) of each sample."""
        return [self._pictures.sizes[place] for place in self._order]

    def verify(self, progress: Callable[[int, int], None] | None = None) -> None:
        """Read the whole file and compare it with its checksums. Raises `BadImage` with the file's path."""
        self._pictures.verify(progress)

    def __getstate__(self) -> dict[str, Any]:
        # A spawned worker opens the file itself.
        return {"options": self._options}

    def __setstate__(self, state: dict[str, Any]) -> None:
        path, limit, seed = state["options"]
        self.__init__(path, limit=limit, seed=seed)  # type: ignore[misc]  # as if it were built there


def _order(checks: Sequence[str], seed: int | None) -> np.ndarray:
    """The places of the pictures in the set, by a hash of the seed and their checksums."""
    if seed is None:
        return np.arange(len(checks))
    keys = np.frombuffer(bytes.fromhex("".join(checks)), ">u8").astype(np.uint64)
    # Multiplied by an odd number modulo 2^64, another one for each seed: what is random already stays so.
    factor = np.uint64(2 * derived_seed(seed, "packed") + 1)
    return np.argsort(keys * factor, kind="stable")


def _opened(path: Path) -> PackedPictures:
    if not path.is_dir():
        raise OptionError("path", f"{path} is a file, not a folder" if path.exists() else f"no such folder: {path}")
    if not (path / INDEX).exists():
        raise OptionError("path", f"{path} is no packed set (it has no {INDEX}). {_way_out(path)}")
    try:
        return PackedPictures(path)
    except UserError as error:
        raise OptionError("path", str(error)) from None


def _way_out(path: Path) -> str:
    sides = sorted(one.parent.name for one in path.glob(f"*/{INDEX}"))
    if sides:
        return f"Name one of the sets in it: {', '.join(sides)}."
    if (path / ".prepare").exists():
        return "`srkit prepare` has not finished it: the same command goes on."
    if any(one.suffix.lower() in IMAGE_SUFFIXES for one in path.rglob("*")):
        return f"`srkit prepare {path} --out SET --packed --whole` packs the pictures in it."
    return "`srkit prepare --packed` makes one."
