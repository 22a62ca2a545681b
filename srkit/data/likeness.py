"""Pictures that look the same though their files differ: perceptual hashes, and which of many are near each other."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from PIL import Image

__all__ = ["HASH_BITS", "NEAR", "Hash", "Likeness", "near_duplicates", "near_duplicates_of", "perceptual_hash"]

Hash = str
"""256 bits as 64 hexadecimal digits, so that a hash goes into JSON as it is."""

HASH_BITS = 256
_SIDE = 16  # bits along each side of the block of low frequencies
_OVERSAMPLED = 4  # pixels for each of them, imagehash's own default

NEAR = 24
"""Bits in which near-duplicates differ at most, unless told otherwise. Measured on 45 photos: the same one as JPEG of
quality 40, at a quarter of its size, 30% brighter or with 1% cut from each side differs in 0 to 26 bits, with a median
of at most 18; two different photos differ in 104 or more, and two of 686 patches of them in 76 or more."""

_BLOCK = 1 << 18  # pairs that are compared at once: what a processor's cache holds


@dataclass(frozen=True)
class Likeness:
    """Two pictures that look the same.

    Attributes:
        first: the place of the one that is resembled.
        second: the place of the one that resembles it.
        distance: bits in which their hashes differ.
    """

    first: int
    second: int
    distance: int


def perceptual_hash(image: np.ndarray) -> Hash:
    """What a picture looks like from afar, in 256 bits: the signs of its low frequencies (`imagehash.phash`, side 16).

    Hardly changed by compression, size, brightness and contrast; changed by mirroring, turning and cropping. What has
    no structure (one colour) has a hash without meaning.

    Args:
        image: uint8 RGB (H, W, 3), any size.
    """
    return hash_of_luma(Image.fromarray(np.ascontiguousarray(image)).convert("L"))


def hash_of_luma(luma: Image.Image) -> Hash:
    """`perceptual_hash` for who has the picture in grey (Pillow's mode L) already."""
    import imagehash  # 0.1 s, and only who compares pictures needs it

    side = _SIDE * _OVERSAMPLED
    # A box first, as large pictures want it: ten times faster than Lanczos alone, and the same but for a few bits.
    small = luma.resize((side, side), Image.Resampling.LANCZOS, reducing_gap=3.0)
    return str(imagehash.phash(small, hash_size=_SIDE, highfreq_factor=_OVERSAMPLED))


def near_duplicates(hashes: Sequence[Hash], bound: int = NEAR) -> list[Likeness]:
    """Which pictures look like an earlier one: for each of these, the nearest earlier one, the first of equally near.

    To keep one of each, leave out every `second`. 20,000 hashes take about a second.

    Args:
        hashes: in the pictures' order.
        bound: bits in which two of them may differ.

    Returns:
        By rising `second`.
    """
    places = _first_places(hashes)
    # Equal hashes (a thousand copies, a thousand black frames) are settled without comparing each with each.
    same = [Likeness(places[one], place, 0) for place, one in enumerate(hashes) if places[one] != place]
    own = list(places.values())
    words = _words(list(places))
    near = [Likeness(own[one.first], own[one.second], one.distance) for one in _nearest(words, words, bound, True)]
    return sorted(same + near, key=lambda one: one.second)


def near_duplicates_of(originals: Sequence[Hash], hashes: Sequence[Hash], bound: int = NEAR) -> list[Likeness]:
    """Which of `hashes` look like one of `originals`: `first` counts the originals, `second` the hashes."""
    places = _first_places(originals)
    own = list(places.values())
    found = _nearest(_words(list(places)), _words(hashes), bound, False)
    return [Likeness(own[one.first], one.second, one.distance) for one in found]


def _first_places(hashes: Sequence[Hash]) -> dict[Hash, int]:
    """Every hash once, with the place where it stands first."""
    places: dict[Hash, int] = {}
    for place, one in enumerate(hashes):
        places.setdefault(one, place)
    return places


def _words(hashes: Sequence[Hash]) -> np.ndarray:
    """uint64 (N, 4)."""
    return np.frombuffer(bytes.fromhex("".join(hashes)), np.uint64).reshape(len(hashes), HASH_BITS // 64)


def _nearest(originals: np.ndarray, words: np.ndarray, bound: int, earlier: bool) -> list[Likeness]:
    """For each of `words` its nearest original within the bound; with `earlier` only originals before it count."""
    found: list[Likeness] = []
    if not len(originals):
        return found
    rows = max(1, _BLOCK // len(originals))
    for begin in range(0, len(words), rows):
        some = words[begin : begin + rows]
        reach = originals[: begin + len(some)] if earlier else originals
        # The first quarter of the bits rules out nearly all pairs; only the others are compared in full.
        second, first = np.nonzero(_distances(some[:, None, 0], reach[None, :, 0]) <= bound)
        if earlier:
            is_before = first < second + begin
            second, first = second[is_before], first[is_before]
        distances = _distances(some[second], reach[first]).sum(-1, dtype=np.int64)
        near = distances <= bound
        second, first, distances = second[near], first[near], distances[near]
        order = np.lexsort((first, distances, second))
        _, places = np.unique(second[order], return_index=True)
        for place in order[places]:
            found.append(Likeness(int(first[place]), int(second[place]) + begin, int(distances[place])))
    return found


def _distances(one: np.ndarray, other: np.ndarray) -> np.ndarray:
    """uint8: bits in which words differ."""
    return np.bitwise_count(one ^ other)
