"""Decoded pictures kept in memory up to a bound, and data sets seen through a choice of their samples."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, Protocol, cast

import numpy as np

from srkit.contracts import Dataset
from srkit.errors import UserError

Sample = np.ndarray | tuple[np.ndarray, np.ndarray]

DEFAULT_LIMIT = 1 << 30
"""Bytes of decoded pictures that are kept unless told otherwise: 1 GiB, some 30 photos of 12 megapixels."""


class _WithFiles(Protocol):
    def files(self) -> Sequence[Path]: ...


class _WithLrFiles(Protocol):
    def lr_files(self) -> Sequence[Path]: ...


class _Mapped(Protocol):
    def sizes(self) -> Sequence[tuple[int, int]]: ...

    def verify(self, progress: Callable[[int, int], None] | None = None) -> None: ...


class Cached:
    """A data set that keeps what it has decoded until the bound is reached; what comes later is decoded every time.

    Nothing is ever dropped for something else: with a set larger than the bound and samples in random order, eviction
    would find no better pictures to keep and only cost time. What it gives is read-only, because the next caller
    receives the same array. Pickled without its pictures. Wrap last: the loader divides the bound of the outermost
    set between its workers.

    Args:
        dataset: what to read from.
        limit_bytes: bytes of decoded pictures at most; 0 keeps none.
    """

    def __init__(self, dataset: Dataset, limit_bytes: int = DEFAULT_LIMIT) -> None:
        self.dataset = dataset
        self.limit_bytes = limit_bytes
        self.bytes = 0
        self._kept: dict[int, Sample] = {}

    def __len__(self) -> int:
        return len(self.dataset)

    def __getitem__(self, index: int) -> Sample:
        kept = self._kept.get(index)
        if kept is not None:
            return kept
        sample = self.dataset[index]
        if is_mapped(self.dataset):
            return sample
        require_pictures(sample, self.dataset.name(index))
        arrays = sample if isinstance(sample, tuple) else (sample,)
        size = sum(array.nbytes for array in arrays)
        if self.bytes + size <= self.limit_bytes:
            for array in arrays:
                array.flags.writeable = False
            self._kept[index] = sample
            self.bytes += size
        return sample

    def name(self, index: int) -> str:
        return self.dataset.name(index)

    @property
    def is_complete(self) -> bool:
        """Whether every sample is in memory, or needs no decoding."""
        return is_mapped(self.dataset) or len(self._kept) == len(self.dataset)

    @property
    def files(self) -> Callable[[], Sequence[Path]]:
        """The inner set's `files`; absent (`hasattr` is False) where that one has none."""
        return cast(_WithFiles, self.dataset).files

    @property
    def lr_files(self) -> Callable[[], Sequence[Path]]:
        """The inner set's `lr_files`; absent where that one has none."""
        return cast(_WithLrFiles, self.dataset).lr_files

    @property
    def sizes(self) -> Callable[[], Sequence[tuple[int, int]]]:
        """The inner set's `sizes`; absent where that one has none."""
        return cast(_Mapped, self.dataset).sizes

    @property
    def verify(self) -> Callable[..., None]:
        """The inner set's `verify`; absent where that one has none."""
        return cast(_Mapped, self.dataset).verify

    def divided(self, parts: int) -> Cached:
        """The same set, empty, with its share of the bound: every worker keeps pictures of its own."""
        return Cached(self.dataset, self.limit_bytes // parts)

    def __getstate__(self) -> dict[str, Any]:
        return {**self.__dict__, "_kept": {}, "bytes": 0}


def require_pictures(sample: object, name: str) -> None:
    """Hold what a data set gives to the contract.

    Raises:
        UserError: it is neither a picture nor a pair of them; says what it is.
    """
    for one in sample if isinstance(sample, tuple) and len(sample) == 2 else (sample,):
        if not isinstance(one, np.ndarray) or one.dtype != np.uint8 or one.ndim != 3 or one.shape[2] != 3:
            found = f"{one.dtype} {one.shape}" if isinstance(one, np.ndarray) else f"a {type(one).__name__}"
            expected = "expected an array uint8 (H, W, 3) in RGB, or a tuple (lr, hr) of two"
            raise UserError(f"the data set gives {found} for {name}; {expected}")


def gives_pairs(dataset: Dataset) -> bool:
    """Whether a set's samples are (lr, hr): none holds some of both. Its first picture is decoded for that."""
    return len(dataset) > 0 and isinstance(dataset[0], tuple)


class Subset:
    """Some samples of a data set, in the order given.

    Args:
        dataset: what to read from.
        indices: the samples' places in it.
    """

    def __init__(self, dataset: Dataset, indices: Sequence[int]) -> None:
        self.dataset = dataset
        self.indices = tuple(indices)

    def __len__(self) -> int:
        return len(self.indices)

    def __getitem__(self, index: int) -> Sample:
        return self.dataset[self.indices[index]]

    def name(self, index: int) -> str:
        return self.dataset.name(self.indices[index])

    @property
    def files(self) -> Callable[[], Sequence[Path]]:
        """The chosen samples' files; absent (`hasattr` is False) where the inner set has none."""
        inner = cast(_WithFiles, self.dataset).files

        def chosen() -> Sequence[Path]:
            files = inner()
            return [files[index] for index in self.indices]

        return chosen

    @property
    def lr_files(self) -> Callable[[], Sequence[Path]]:
        """The chosen samples' LR files; absent where the inner set has none."""
        inner = cast(_WithLrFiles, self.dataset).lr_files

        def chosen() -> Sequence[Path]:
            files = inner()
            return [files[index] for index in self.indices]

        return chosen

    @property
    def sizes(self) -> Callable[[], Sequence[tuple[int, int]]]:
        """The chosen samples' (width, height); absent where the inner set does not know them."""
        inner = cast(_Mapped, self.dataset).sizes

        def chosen() -> Sequence[tuple[int, int]]:
            sizes = inner()
            return [sizes[index] for index in self.indices]

        return chosen

    @property
    def verify(self) -> Callable[..., None]:
        """The inner set's `verify`; absent where that one has none."""
        return cast(_Mapped, self.dataset).verify


def is_mapped(dataset: Dataset) -> bool:
    """Whether the pictures lie ready in memory-mapped files: there is nothing to decode and nothing to keep."""
    return hasattr(dataset, "verify") and hasattr(dataset, "sizes")


def whereabouts(dataset: Dataset, index: int) -> str:
    """The sample's file where the set knows it, else its name: what a message should point at."""
    files = files_of(dataset)
    return str(files[index]) if files is not None else dataset.name(index)


def files_of(dataset: Dataset) -> Sequence[Path] | None:
    """One file a sample, or None where the set does not offer `files()`."""
    return cast(_WithFiles, dataset).files() if hasattr(dataset, "files") else None


def files_of_each(dataset: Dataset) -> Callable[[int], tuple[Path, ...]]:
    """What gives the files that a sample is decoded from; none where the set offers no `files()` or decodes nothing.

    A set makes its lists anew whenever it is asked: this asks once.
    """
    both = [] if is_mapped(dataset) else [files for files in (files_of(dataset), lr_files_of(dataset)) if files]
    return lambda index: tuple(files[index] for files in both)


def lr_files_of(dataset: Dataset) -> Sequence[Path] | None:
    """One LR file a sample, or None where LR pictures are not read from files."""
    return cast(_WithLrFiles, dataset).lr_files() if hasattr(dataset, "lr_files") else None
