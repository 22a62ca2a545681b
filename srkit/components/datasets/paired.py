"""Pairs of LR and HR pictures from two folders."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from pathlib import Path, PurePosixPath

import numpy as np

from srkit.components.datasets.folder import Folder
from srkit.data.decoding import decode, image_size
from srkit.draws import derived_seed
from srkit.errors import BadImage, OptionError

__all__ = ["Paired"]


class Paired:
    """Pairs of LR and HR pictures, from two folders whose files have the same names.

    Names are compared with their subfolders and without their endings, so that `a/1.jpg` belongs to `a/1.png`. The HR
    picture is larger by the same whole number on both sides, but for rows and columns that were cropped.

    Args:
        lr_folder: The folder of LR pictures.
        hr_folder: The folder of HR pictures.
        lr_suffix: What LR names have in addition before the ending, such as "x4" in DIV2K's 0801x4.png.
        check_sizes: Read all files' headers at the start and refuse pairs whose sizes do not belong together.
        seed: The seed of the order; None leaves it sorted by relative path.

    Raises:
        OptionError: a folder is missing or empty, a picture has no partner, two have the same name, sizes do not fit.
    """

    def __init__(
        self,
        lr_folder: Path,
        hr_folder: Path,
        lr_suffix: str = "",
        check_sizes: bool = True,
        seed: int | None = 12,
    ) -> None:
        small = _by_stem("lr_folder", Path(lr_folder), lr_suffix)
        large = _by_stem("hr_folder", Path(hr_folder), "")
        for key, own, others, other_folder in (
            ("lr_folder", small, large, hr_folder),
            ("hr_folder", large, small, lr_folder),
        ):
            alone = sorted(own.keys() - others.keys())
            if alone:
                more = f" and {len(alone) - 1} more have" if len(alone) > 1 else " has"
                hint = _suffix_meant(small, large) if not lr_suffix else ""
                raise OptionError(key, f"{own[alone[0]]}{more} no partner in {other_folder}.{hint}")
        names = sorted(large)
        if seed is not None:
            names.sort(key=lambda name: (derived_seed(seed, "paired", name), name))
        self._names = [str(large[name].relative_to(hr_folder).as_posix()) for name in names]
        self._pairs = [(str(small[name]), str(large[name])) for name in names]
        if check_sizes:
            self._check_sizes()

    def __len__(self) -> int:
        return len(self._pairs)

    def __getitem__(self, index: int) -> tuple[np.ndarray, np.ndarray]:
        """(lr, hr), uint8 RGB (h, w, 3) and (H, W, 3). Raises `BadImage` with the path."""
        small, large = self._pairs[index]
        lr, hr = decode(small), decode(large)
        wrong = _mismatch((lr.shape[1], lr.shape[0]), (hr.shape[1], hr.shape[0]))
        if wrong:
            raise BadImage(small, f"does not belong to {large}: {wrong}")
        return lr, hr

    def name(self, index: int) -> str:
        """The HR picture's path relative to its folder, with forward slashes."""
        return self._names[index]

    def files(self) -> Sequence[Path]:
        """The HR pictures' paths, one a sample."""
        return [Path(large) for _, large in self._pairs]

    def lr_files(self) -> Sequence[Path]:
        """The LR pictures' paths, one a sample."""
        return [Path(small) for small, _ in self._pairs]

    def _check_sizes(self) -> None:
        wrong = []
        for small, large in sorted(self._pairs):
            try:
                found = _mismatch(image_size(small), image_size(large))
            except BadImage:
                continue  # named with its path when it is read, or by `srkit check`
            if found:
                wrong.append(f"{small} does not belong to {large}: {found}")
        if wrong:
            more = f"; {len(wrong) - 1} more of {len(self)} do not fit" if len(wrong) > 1 else ""
            raise OptionError("lr_folder", f"{wrong[0]}{more}.")


def _suffix_meant(small: Collection[str], large: Collection[str]) -> str:
    """What to write where the LR names are the HR names and a suffix, as a sentence; empty where they are not."""
    one = min(small)
    for stem in sorted((name for name in large if one.startswith(name)), key=len, reverse=True):
        suffix = one.removeprefix(stem)
        if suffix and all(name.endswith(suffix) and name.removesuffix(suffix) in large for name in small):
            return f' Their names go on: write lr_suffix = "{suffix}".'
    return ""


def _by_stem(key: str, folder: Path, suffix: str) -> dict[str, Path]:
    """Relative path without ending and suffix -> file."""
    try:
        files = Folder(folder, seed=None)
    except OptionError as error:
        raise OptionError(key, error.why) from None
    found: dict[str, Path] = {}
    for name, file in zip(map(files.name, range(len(files))), files.files(), strict=True):
        stem = PurePosixPath(name).with_suffix("").as_posix()
        if not stem.endswith(suffix):
            raise OptionError("lr_suffix", f"{file} does not end with {suffix!r} before its ending.")
        stem = stem.removesuffix(suffix)
        if stem in found:
            raise OptionError(key, f"{found[stem]} and {file} differ in nothing but their endings.")
        found[stem] = file
    return found


def _mismatch(small: tuple[int, int], large: tuple[int, int]) -> str:
    """What is wrong with two sizes (width, height); empty where a whole number leads from one to the other."""
    scale = max(1, large[0] // small[0])
    # Cropping leaves less than a multiple over, so the ratio may come out too large for tiny pictures only.
    for factor in range(scale, 0, -1):
        if all(big // factor == little for big, little in zip(large, small, strict=True)):
            return ""
    return f"{small[0]}x{small[1]} and {large[0]}x{large[1]} pixels are no whole number apart"
