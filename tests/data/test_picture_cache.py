"""The memory cache keeps to its bound, and wrappers show what they wrap."""

import pickle
from pathlib import Path

import numpy as np
import pytest

from srkit.contracts import Dataset
from srkit.data.cache import Cached, Subset, files_of, whereabouts


class Counted:
    """Pictures of 300 bytes that count how often they are made."""

    def __init__(self, pairs: bool = False) -> None:
        self.reads: list[int] = []
        self.pairs = pairs

    def __len__(self) -> int:
        return 10

    def __getitem__(self, index: int):
        self.reads.append(index)
        image = np.full((10, 10, 3), index, np.uint8)
        return (image, image) if self.pairs else image

    def name(self, index: int) -> str:
        return f"picture {index}"


class Filed(Counted):
    def files(self):
        return [Path(f"/photos/{index}.png") for index in range(10)]


def test_pictures_are_kept_up_to_the_bound_and_never_evicted():
    inner = Counted()
    cached = Cached(inner, 1000)
    assert isinstance(cached, Dataset) and len(cached) == 10
    for _ in range(3):
        for index in range(10):
            assert (cached[index] == index).all()
    assert cached.bytes == 900
    assert [inner.reads.count(index) for index in range(10)] == [1, 1, 1, 3, 3, 3, 3, 3, 3, 3]
    with pytest.raises(ValueError, match="read-only"):
        cached[0][:] = 0


def test_pairs_count_both_pictures_and_zero_keeps_none():
    cached = Cached(Counted(pairs=True), 1000)
    for index in range(10):
        cached[index]
    assert cached.bytes == 600
    inner = Counted()
    nothing = Cached(inner, 0)
    assert [nothing[1].sum(), nothing[1].sum()] == [300, 300] and inner.reads == [1, 1]


def test_a_cache_pickles_without_its_pictures_and_divides_its_bound():
    cached = Cached(Filed(), 1000)
    cached[0]
    copy = pickle.loads(pickle.dumps(cached))
    assert copy.bytes == 0 and (copy[0] == 0).all() and copy.bytes == 300
    share = cached.divided(3)
    assert share.limit_bytes == 333 and share.bytes == 0 and cached.bytes == 300


def test_wrappers_offer_files_where_the_inner_set_does():
    for wrapped in (Cached(Counted(), 0), Subset(Counted(), [4, 2])):
        assert not hasattr(wrapped, "files") and files_of(wrapped) is None
    subset = Subset(Cached(Filed(), 1000), [4, 2])
    assert isinstance(subset, Dataset) and len(subset) == 2
    assert subset.name(0) == "picture 4" and (subset[1] == 2).all()
    assert files_of(Cached(pickle.loads(pickle.dumps(subset)))) == [Path("/photos/4.png"), Path("/photos/2.png")]
    assert whereabouts(subset, 1) == str(Path("/photos/2.png"))
    assert whereabouts(Subset(Counted(), [7]), 0) == "picture 7"
