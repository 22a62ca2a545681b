"""What looks alike is found, and nothing else, among however many pictures."""

import io

import numpy as np
import pytest
import skimage.data
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image

from srkit.data.likeness import HASH_BITS, Likeness, near_duplicates, near_duplicates_of, perceptual_hash

PHOTOS = ("astronaut", "chelsea", "coffee", "rocket")


def photo(name: str) -> Image.Image:
    return Image.fromarray(getattr(skimage.data, name)())


def hash_of(picture: Image.Image) -> str:
    return perceptual_hash(np.asarray(picture))


def compressed(picture: Image.Image) -> Image.Image:
    file = io.BytesIO()
    picture.save(file, "JPEG", quality=40)
    return Image.open(file).convert("RGB")


@pytest.mark.parametrize(
    "change",
    [
        compressed,
        lambda picture: picture.resize((picture.width // 3, picture.height // 3), Image.Resampling.BICUBIC),
        lambda picture: picture.point(lambda level: level * 0.8 + 10),
        lambda picture: picture.crop((3, 3, picture.width - 3, picture.height - 3)),
    ],
    ids=["jpeg", "smaller", "darker", "cut"],
)
def test_the_same_photo_is_near_and_others_are_not(change):
    hashes = [hash_of(photo(name)) for name in PHOTOS]
    changed = [hash_of(change(photo(name))) for name in PHOTOS]
    assert all(len(one) * 4 == HASH_BITS for one in hashes)
    assert [(one.first, one.second) for one in near_duplicates_of(hashes, changed)] == [(i, i) for i in range(4)]
    assert near_duplicates(hashes) == []


def test_large_and_tiny_pictures_have_a_hash():
    noise = np.random.default_rng(0).integers(0, 256, (900, 1300, 3), dtype=np.uint8)
    assert len(perceptual_hash(noise)) == len(perceptual_hash(noise[:1, :1])) == len(perceptual_hash(noise[::2]))


NEAR_ZERO = st.lists(st.integers(0, HASH_BITS - 1), max_size=8).map(lambda bits: sum({1 << bit for bit in bits}))


@settings(max_examples=100, deadline=None)
@given(values=st.lists(NEAR_ZERO | st.sampled_from([0, (1 << HASH_BITS) - 1]), max_size=30), bound=st.integers(0, 10))
def test_each_is_given_its_nearest_earlier_one(values, bound):
    hashes = [f"{value:064x}" for value in values]
    expected = []
    for second, value in enumerate(values):
        near = [((value ^ other).bit_count(), first) for first, other in enumerate(values[:second])]
        if near and min(near)[0] <= bound:
            expected.append(Likeness(min(near)[1], second, min(near)[0]))
    assert near_duplicates(hashes, bound) == expected


@settings(max_examples=50, deadline=None)
@given(originals=st.lists(NEAR_ZERO, max_size=20), values=st.lists(NEAR_ZERO, max_size=20), bound=st.integers(0, 10))
def test_each_is_given_its_nearest_original(originals, values, bound):
    expected = []
    for second, value in enumerate(values):
        near = [((value ^ other).bit_count(), first) for first, other in enumerate(originals)]
        if near and min(near)[0] <= bound:
            expected.append(Likeness(min(near)[1], second, min(near)[0]))
    first, second = ([f"{value:064x}" for value in some] for some in (originals, values))
    assert near_duplicates_of(first, second, bound) == expected


def test_ten_thousand_are_compared_in_blocks():
    random = np.random.default_rng(1)
    hashes = [random.bytes(32).hex() for _ in range(10_000)]
    hashes[9_000] = f"{int(hashes[4], 16) ^ 0b1011:064x}"
    hashes[9_999] = hashes[9_000]
    assert near_duplicates(hashes) == [Likeness(4, 9_000, 3), Likeness(9_000, 9_999, 0)]
