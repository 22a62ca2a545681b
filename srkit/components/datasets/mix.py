"""Several data sets as one, each with its share."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Callable, Sequence
from itertools import accumulate
from pathlib import Path
from typing import TypeVar

import numpy as np

from srkit.contracts import Dataset, Factory
from srkit.errors import OptionError, UserError

__all__ = ["Mix"]

T = TypeVar("T")


class Mix:
    """Several data sets as one, each with its share of the samples.

    The mix is as long as it takes for every picture to occur at least once; those of a set whose share is larger than
    its size come several times, as evenly as possible.

    Args:
        parts: The data sets; either all hold pictures or all hold (lr, hr) pairs.
        shares: The share of each, in any unit, above 0; left out, by their sizes, so that every picture occurs once.

    Raises:
        OptionError: no part, or not one share above 0 for each.
    """

    def __init__(self, parts: list[Factory[Dataset]], shares: list[float] | None = None) -> None:
        if not parts:
            raise OptionError("parts", "an empty list; name at least one data set.")
        self.parts: list[Dataset] = [part() for part in parts]
        sizes = [len(part) for part in self.parts]
        if 0 in sizes:
            raise OptionError("parts", f"the data set {sizes.index(0) + 1} of {len(sizes)} is empty.")
        if shares is not None and (len(shares) != len(parts) or not all(0 < one < float("inf") for one in shares)):
            raise OptionError("shares", f"one number above 0 for each of the {len(parts)} parts, got {shares}.")
        if shares is None:
            counts = sizes
        else:
            unit = max(size / share for size, share in zip(sizes, shares, strict=True))
            counts = [max(size, round(unit * share)) for size, share in zip(sizes, shares, strict=True)]
        self._ends = list(accumulate(counts))
        self._pairs: bool | None = None

    def __len__(self) -> int:
        return self._ends[-1]

    def __getitem__(self, index: int) -> np.ndarray | tuple[np.ndarray, np.ndarray]:
        """What the part gives. Raises `BadImage` with the path, `UserError` where pictures and pairs are mixed."""
        part, place = self._place(index)
        sample = self.parts[part][place]
        is_pair = isinstance(sample, tuple)
        if self._pairs is None:
            self._pairs = is_pair
        if is_pair != self._pairs:
            raise UserError("a mix of data sets holds pictures in one part and (lr, hr) pairs in another")
        return sample

    def name(self, index: int) -> str:
        """What the part calls the sample."""
        part, place = self._place(index)
        return self.parts[part].name(place)

    @property
    def files(self) -> Callable[[], Sequence[Path]]:
        """One path a sample; absent (`hasattr` is False) where a part has none."""
        return self._of_each([part.files for part in self.parts])  # type: ignore[attr-defined]  # that is the answer

    @property
    def lr_files(self) -> Callable[[], Sequence[Path]]:
        """One path of an LR picture a sample; absent where a part has none."""
        return self._of_each([part.lr_files for part in self.parts])  # type: ignore[attr-defined]  # as above

    @property
    def sizes(self) -> Callable[[], Sequence[tuple[int, int]]]:
        """(width, height) of each sample; absent where a part has to be decoded to know them."""
        inner = [(part.verify, part.sizes) for part in self.parts]  # type: ignore[attr-defined]  # as above
        return self._of_each([sizes for _, sizes in inner])

    @property
    def verify(self) -> Callable[..., None]:
        """Verifies each part that can be verified; absent where there is none."""
        inner = [part.verify for part in self.parts if hasattr(part, "verify")]
        if not inner:
            raise AttributeError("no part can be verified")

        def verify_all(progress: Callable[[int, int], None] | None = None) -> None:
            for verify in inner:
                verify(progress)

        return verify_all

    def _of_each(self, asked: Sequence[Callable[[], Sequence[T]]]) -> Callable[[], Sequence[T]]:
        """What each part says of its samples, by the samples of the mix."""

        def all_of_them() -> Sequence[T]:
            lists = [ask() for ask in asked]
            return [lists[part][place] for part, place in map(self._place, range(len(self)))]

        return all_of_them

    def _place(self, index: int) -> tuple[int, int]:
        if not 0 <= index < len(self):
            raise IndexError(f"sample {index} of a mix of {len(self)}")
        part = bisect_right(self._ends, index)
        begin = self._ends[part - 1] if part else 0
        return part, (index - begin) % len(self.parts[part])
