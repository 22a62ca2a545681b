"""Patches come from inside the picture, LR from the same place, and draws alone decide."""

import pickle

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from srkit.data.patches import PatchTaker
from srkit.draws import SampleDraws, StreamKey
from srkit.errors import BadImage, OptionError

props = settings(max_examples=60, deadline=None)


def draws(step: int = 1, slot: int = 0) -> SampleDraws:
    return SampleDraws(StreamKey(12, 0, step), [slot], "sample")


def marked(height: int, width: int) -> np.ndarray:
    """A picture in which each pixel says where it stands: row, column, 255 - row; sides up to 250."""
    rows, columns = np.mgrid[0:height, 0:width]
    return np.stack([rows, columns, 255 - rows], -1).astype(np.uint8)


def enlarged(lr: np.ndarray, scale: int) -> np.ndarray:
    return lr.repeat(scale, 0).repeat(scale, 1)


@props
@given(
    scale=st.integers(1, 4),
    cells=st.integers(1, 10),
    spare=st.tuples(st.integers(0, 30), st.integers(0, 30)),
    step=st.integers(0, 10_000),
)
def test_a_patch_is_a_piece_of_the_picture(scale, cells, spare, step):
    size = scale * cells
    image = marked(size + spare[0], size + spare[1])
    hr, lr = PatchTaker(size, scale)(image, draws(step))
    assert lr is None and hr.dtype == np.uint8 and hr.shape == (size, size, 3) and hr.flags.c_contiguous
    top, left = int(hr[0, 0, 0]), int(hr[0, 0, 1])
    assert np.array_equal(hr, image[top : top + size, left : left + size])
    assert not np.shares_memory(hr, image)


@props
@given(
    scale=st.integers(1, 4),
    cells=st.none() | st.integers(1, 6),
    sides=st.tuples(st.integers(6, 20), st.integers(6, 20)),
    rest=st.tuples(st.integers(0, 3), st.integers(0, 3)),
    step=st.integers(0, 10_000),
    flip=st.booleans(),
    rotate=st.booleans(),
    channel_shuffle=st.booleans(),
)
def test_pairs_stay_together(scale, cells, sides, rest, step, flip, rotate, channel_shuffle):
    lr_image = marked(*sides)
    hr_image = np.pad(enlarged(lr_image, scale), [(0, rest[0] % scale), (0, rest[1] % scale), (0, 0)])
    taker = PatchTaker(
        None if cells is None else cells * scale, scale, flip=flip, rotate=rotate, channel_shuffle=channel_shuffle
    )
    hr, lr = taker((lr_image, hr_image), draws(step))
    assert lr is not None and np.array_equal(hr, enlarged(lr, scale))
    assert hr.flags.c_contiguous and lr.flags.c_contiguous
    if cells is None:
        assert sorted(lr.shape[:2]) == sorted(lr_image.shape[:2])


def test_every_place_and_each_of_the_eight_positions_comes():
    image = marked(5, 6)
    corners = {tuple(PatchTaker(3, 1)(image, draws(step))[0][0, 0, :2]) for step in range(300)}
    assert corners == {(row, column) for row in range(3) for column in range(4)}
    square = marked(3, 3)
    turned = [PatchTaker(3, 1, flip=True, rotate=True)(square, draws(step))[0].tobytes() for step in range(800)]
    counts = [turned.count(one) for one in set(turned)]
    assert len(counts) == 8 and min(counts) > 60
    assert {np.ascontiguousarray(np.rot90(square, turns)).tobytes() for turns in range(4)} <= set(turned)
    orders = {
        tuple(PatchTaker(1, 1, channel_shuffle=True)(np.array([[[1, 2, 3]]], np.uint8), draws(step))[0].ravel())
        for step in range(100)
    }
    assert len(orders) == 6


def test_an_augmentation_moves_nothing_else():
    image = marked(40, 50)
    for step in range(20):
        plain = PatchTaker(8, 2)(image, draws(step))[0]
        mirrored = PatchTaker(8, 2, flip=True)(image, draws(step))[0]
        assert np.array_equal(plain, mirrored) or np.array_equal(plain, mirrored[:, ::-1])


def test_draws_alone_decide():
    image = marked(60, 70)
    taker = PatchTaker(16, 2, flip=True, rotate=True)
    assert np.array_equal(taker(image, draws(3, 4))[0], pickle.loads(pickle.dumps(taker))(image, draws(3, 4))[0])
    assert len({taker(image, draws(step, slot))[0].tobytes() for step in range(5) for slot in range(5)}) > 20


def test_the_whole_picture_is_cropped_at_right_and_bottom():
    image = marked(11, 14)
    hr, _ = PatchTaker(None, 4)(image, draws())
    assert np.array_equal(hr, image[:8, :12])
    assert not np.shares_memory(PatchTaker(None, 1)(image, draws())[0], image)


def test_what_does_not_fit_is_said_with_its_sizes():
    with pytest.raises(BadImage, match="9x40 pixels, smaller than the patch of 16x16"):
        PatchTaker(16, 2)(marked(40, 9), draws())
    with pytest.raises(BadImage, match="3x2 pixels are less than one LR pixel"):
        PatchTaker(None, 4)(marked(2, 3), draws())
    with pytest.raises(BadImage, match="LR 10x10 and HR 30x30 do not belong together at scale 2"):
        PatchTaker(8, 2)((marked(10, 10), marked(30, 30)), draws())
    for size in (15, 0):
        with pytest.raises(OptionError, match="multiple of the scale"):
            PatchTaker(size, 2)
