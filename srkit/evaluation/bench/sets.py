"""What models are judged on: photos with LR pictures made of them, or pairs; one at a time, whenever asked for."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from torch import Tensor

from srkit.contracts import Dataset
from srkit.data.cache import files_of
from srkit.data.decoding import IMAGE_SUFFIXES, decode
from srkit.data.lr_images import LrMaker
from srkit.errors import BadImage, OptionError, UserError
from srkit.evaluation.bench.recipes import LrRecipe
from srkit.evaluation.judging import shrunk
from srkit.evaluation.rows import GIVEN, Photo
from srkit.registry import KINDS, Registry

__all__ = ["PhotoSet", "folder_set", "pair_set"]


@dataclass(frozen=True)
class PhotoSet:
    """A set at one scale.

    Attributes:
        name: what tables call it.
        dataset: originals, or pairs (lr, hr).
        scale: SR pixels a LR pixel.
        maker: makes the LR pictures; None where they are given.
        downscaler, degradations: how they came about, in words.
        border: SR pixels that are cropped on every side before scoring.
        seed: what degradations are drawn from, together with the photo's number.
        shrink: the set's downscaler as a function of a batch; None where it is unknown or draws.
        limit: the first so many photos.
    """

    name: str
    dataset: Dataset
    scale: int
    maker: LrMaker | None
    downscaler: str
    degradations: tuple[str, ...] = ()
    border: int = 0
    seed: int = 0
    shrink: Callable[[Tensor], Tensor] | None = None
    limit: int | None = None

    def __len__(self) -> int:
        return min(len(self.dataset), self.limit or len(self.dataset))

    def photo(self, index: int) -> Photo:
        """Decode one photo and make its LR picture.

        Raises:
            BadImage: it cannot be read, is too small, or is no pair of this scale.
        """
        sample = self.dataset[index]
        if isinstance(sample, tuple):
            lr, hr = (_tensor(one) for one in sample)
            if any(high // self.scale != low for low, high in zip(lr.shape[1:], hr.shape[1:], strict=True)):
                sides = f"{lr.shape[2]}x{lr.shape[1]} and {hr.shape[2]}x{hr.shape[1]} pixels"
                raise BadImage(self.where(index), f"{sides} are no pair at scale {self.scale}")
        else:
            hr = _tensor(sample)
            if min(hr.shape[1:]) <= 2 * max(self.border, self.scale):
                raise BadImage(self.where(index), f"{hr.shape[2]}x{hr.shape[1]} pixels are too small to be judged")
            assert self.maker is not None  # only pairs come without
            lr = shrunk(hr, self.maker, self.scale, self.seed, index)
        return Photo(self.dataset.name(index), hr, lr)

    def where(self, index: int) -> str:
        """The photo's file where it has one, else its name."""
        files = files_of(self.dataset)
        return str(files[index]) if files is not None else self.dataset.name(index)

    def digest(self) -> str:
        """A hash of all originals' pixels: the same whatever they are called and whatever format they are kept in."""
        pictures = []
        for index in range(len(self.dataset)):
            sample = self.dataset[index]
            hr = np.ascontiguousarray(sample[1] if isinstance(sample, tuple) else sample)
            pictures.append(hashlib.sha256(str(hr.shape).encode() + hr.tobytes()).hexdigest())
        return hashlib.sha256("\n".join(sorted(pictures)).encode()).hexdigest()


@dataclass(frozen=True)
class OnePicture:
    """A set of one photo."""

    file: Path

    def __len__(self) -> int:
        return 1

    def __getitem__(self, index: int) -> np.ndarray:
        """uint8 RGB (H, W, 3). Raises `BadImage` with the path."""
        return decode(self.file, named=True)

    def name(self, index: int) -> str:
        """The file's name."""
        return self.file.name

    def files(self) -> Sequence[Path]:
        """The file."""
        return [self.file]


def _tensor(image: np.ndarray) -> Tensor:
    return torch.from_numpy(np.ascontiguousarray(image)).permute(2, 0, 1).contiguous()


def folder_set(
    name: str,
    folder: Path,
    scale: int,
    recipe: LrRecipe,
    registry: Registry,
    *,
    border: int | None = None,
    seed: int = 0,
) -> PhotoSet:
    """The photos of a folder, or one picture's file, shrunk by a recipe.

    Raises:
        UserError: the folder is missing or holds no picture, or the downscaler cannot do this scale.
    """
    alone = folder.is_file() and folder.suffix.lower() in IMAGE_SUFFIXES
    dataset = OnePicture(folder) if alone else _dataset("folder", registry, name, path=folder, seed=None)
    maker = _made(recipe, scale)
    shrink = None if maker.downscaler is None or maker.draws_a_downscaler else maker.shrink
    border = scale if border is None else border
    return PhotoSet(name, dataset, scale, maker, recipe.downscaler, recipe.degraded_by, border, seed, shrink)


def pair_set(
    name: str,
    hr_folder: Path,
    lr_folder: Path,
    scale: int,
    registry: Registry,
    *,
    made_by: LrRecipe | None = None,
    border: int | None = None,
) -> PhotoSet:
    """Pairs of LR and HR pictures of the same names; LR names may end with `x4` before the ending, as DIV2K's do.

    Args:
        made_by: what made the LR pictures, where that is known.

    Raises:
        UserError: a folder is missing or empty, or a picture has no partner of a fitting size.
    """
    suffix = _lr_suffix(lr_folder, scale)
    folders = {"lr_folder": lr_folder, "hr_folder": hr_folder, "lr_suffix": suffix, "seed": None}
    dataset = _dataset("paired", registry, name, **folders)
    shrink = None
    if made_by is not None:
        maker = _made(made_by, scale)
        shrink = None if maker.downscaler is None or maker.draws_a_downscaler else maker.shrink
    label = GIVEN if made_by is None else f"{made_by.downscaler}, {GIVEN}"
    degradations = made_by.degraded_by if made_by is not None else ()
    border = scale if border is None else border
    return PhotoSet(name, dataset, scale, None, label, degradations, border, 0, shrink)


def _lr_suffix(folder: Path, scale: int) -> str:
    """`x4` where all pictures are called so."""
    stems = [one.stem for one in folder.rglob("*") if one.is_file() and not one.name.startswith(".")]
    suffix = f"x{scale}"
    return suffix if stems and all(stem.endswith(suffix) for stem in stems) else ""


def _dataset(name: str, registry: Registry, set_name: str, **options: object) -> Dataset:
    factory = registry.find(KINDS["datasets"], f"srkit:{name}", Path.cwd()).factory
    try:
        dataset: Dataset = factory(**options)
    except OptionError as error:
        raise UserError(f"set {set_name}: {error.why}") from None
    return dataset


def _made(recipe: LrRecipe, scale: int) -> LrMaker:
    try:
        return recipe.maker(scale)
    except OptionError as error:
        raise UserError(f"{recipe.downscaler} cannot make LR pictures at scale {scale}: {error.why}") from None
