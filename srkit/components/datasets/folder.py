"""A data set made of the picture files below one or several folders."""

from __future__ import annotations

import os
from collections.abc import Sequence
from pathlib import Path

import numpy as np

from srkit.data.decoding import IMAGE_SUFFIXES, decode
from srkit.data.packed import PICTURES
from srkit.errors import OptionError
from srkit.seeds import derived_seed


class Folder:
    """The pictures below a folder or several, in a seeded order.

    Subfolders and links to folders are searched too; hidden files and folders (a leading dot) are skipped. A file that
    several folders reach counts once. Two machines, whatever their system, give the same order; and a picture that is
    added moves no other one: each stands where a hash of the seed and its relative path puts it.

    Args:
        path: The folder, or a list of folders, to search.
        limit: Take the first so many pictures of the order; all of them by default.
        seed: The seed of the order; None leaves it sorted by relative path.

    Raises:
        OptionError: a folder is missing, unreadable or holds no picture; `limit` is below 1.
    """

    def __init__(self, path: Path | list[Path], *, limit: int | None = None, seed: int | None = 12) -> None:
        roots = [Path(one) for one in path] if isinstance(path, (list, tuple)) else [Path(path)]
        if not roots:
            raise OptionError("path", "an empty list; name at least one folder")
        if limit is not None and limit < 1:
            raise OptionError("limit", f"{limit} pictures are no data set; take 1 or more, or leave it out for all")
        labels = _labels(roots)
        seen: set[str] = set()
        pictures: list[tuple[str, str]] = []
        for root, label, below in zip(roots, labels, _pictures_of_all(roots), strict=True):
            for relative in below:
                file = str(root / relative)
                identity = os.path.realpath(file)
                if identity not in seen:
                    seen.add(identity)
                    pictures.append((f"{label}{relative}", file))
        if seed is not None:
            pictures.sort(key=lambda picture: (derived_seed(seed, "folder", picture[0]), picture[0]))
        # Strings, because four hundred thousand Path objects would take long on their way to a spawned worker.
        self._names = [name for name, _ in pictures[:limit]]
        self._files = [file for _, file in pictures[:limit]]

    def __len__(self) -> int:
        return len(self._files)

    def __getitem__(self, index: int) -> np.ndarray:
        """uint8 RGB (H, W, 3). Raises `BadImage` with the path."""
        return decode(self._files[index])

    def name(self, index: int) -> str:
        """The path relative to its folder, with forward slashes; the folder's name in front where there are several."""
        return self._names[index]

    def files(self) -> Sequence[Path]:
        """One path a sample."""
        return [Path(file) for file in self._files]


def _labels(roots: Sequence[Path]) -> list[str]:
    if len(roots) == 1:
        return [""]
    names = [root.name for root in roots]
    if len(set(names)) < len(names):
        names = [root.as_posix() for root in roots]
    return [f"{name}/" for name in names]


def _pictures_of_all(roots: Sequence[Path]) -> list[list[str]]:
    """Of each folder its pictures; whatever is wrong with any of them is said together."""
    found, wrong = [], []
    for root in roots:
        try:
            found.append(_pictures_below(root))
        except OptionError as error:
            wrong.append(error.why)
    if wrong:
        raise OptionError("path", "; ".join(wrong))
    return found


def _pictures_below(root: Path) -> list[str]:
    """Relative paths with forward slashes, sorted.

    Raises:
        OptionError: missing, no folder, unreadable, or without a picture.
    """
    if not root.exists():
        raise OptionError("path", f"no such folder: {root}")
    if not root.is_dir():
        raise OptionError("path", f"{root} is a file, not a folder; name the folder it lies in")
    found: list[str] = []
    entered: set[str] = set()
    for folder, subfolders, files in os.walk(root, followlinks=True, onerror=_unreadable):
        # A link back to a folder above would never end.
        real = os.path.realpath(folder)
        if real in entered:
            subfolders.clear()
            continue
        entered.add(real)
        # Sorted, so that of two links to one folder it is the same one on every system that is followed.
        subfolders[:] = sorted(name for name in subfolders if not name.startswith("."))
        inside = Path(os.path.relpath(folder, root)).as_posix()
        prefix = "" if inside == "." else f"{inside}/"
        found += [
            f"{prefix}{name}"
            for name in files
            if not name.startswith(".") and Path(name).suffix.lower() in IMAGE_SUFFIXES
        ]
    if not found:
        packed = sorted(one.parent for one in (root / PICTURES, *root.glob(f"*/{PICTURES}")) if one.exists())
        if packed:
            where = packed[0].as_posix()
            raise OptionError("path", f'{where} is a packed set; write {{ use = "packed", path = "{where}" }}')
        kinds = " ".join(sorted(IMAGE_SUFFIXES))
        raise OptionError("path", f"no pictures in {root}; files that end with one of {kinds} are taken")
    return sorted(found)


def _unreadable(error: OSError) -> None:
    # os.walk would leave the folder out without a word.
    raise OptionError("path", f"{error.filename} cannot be read ({error.strerror})")
