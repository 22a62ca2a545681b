"""The strip picture: sizes and places for photos of any shape, exact pixels where it promises them."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from srkit.evaluation.detail import most_detailed, most_different
from srkit.evaluation.look import fitting, font_of
from srkit.evaluation.strip import MAX_WIDTH, lay_out, strip

sides = st.integers(1, 900)


def noise(height: int, width: int, seed: int = 0) -> np.ndarray:
    return np.random.default_rng(seed).integers(0, 256, (height, width, 3), dtype=np.uint8)


@settings(max_examples=60, deadline=None)
@given(sides, sides, st.integers(1, 6))
def test_layout_holds_its_parts(height: int, width: int, count: int) -> None:
    layout = lay_out((width, height), count)
    assert layout.size[0] <= MAX_WIDTH and layout.size[1] <= 2000
    assert layout.column(count - 1) + layout.panel + layout.gap == layout.size[0]
    assert 1 <= layout.shown[0] <= layout.panel
    if layout.shown[0] > width:
        assert layout.shown[0] % width == 0 == layout.shown[1] % height
        assert layout.shown[0] // width == layout.shown[1] // height
    bottom = layout.photo_top + layout.shown[1]
    if not layout.details:
        assert layout.shown[0] >= 3 * width
    for detail in layout.details:
        assert 1 <= detail.box[2] <= width and 1 <= detail.box[3] <= height
        assert detail.size(layout.panel)[0] <= layout.panel and detail.top >= bottom + layout.gap
        bottom = detail.top + detail.size(layout.panel)[1] + layout.footer_font
    assert bottom + layout.gap <= layout.size[1]


@settings(max_examples=15, deadline=None)
@given(st.integers(1, 300), st.integers(1, 300), st.integers(1, 4))
def test_pictures_of_any_shape_can_be_laid_out(height: int, width: int, count: int) -> None:
    image = noise(height, width)
    result = strip([(f"model {index} 28.31 dB", image) for index in range(count)])
    assert result.mode == "RGB" and result.size == lay_out((width, height), count).size


def test_small_photos_are_shown_magnified_pixel_by_pixel() -> None:
    images = [noise(50, 80, seed) for seed in range(3)]
    layout = lay_out((80, 50), 3)
    canvas = np.asarray(strip([("x", image) for image in images]))
    times = layout.shown[0] // 80
    assert times >= 3 and not layout.details
    for index, image in enumerate(images):
        left = layout.column(index) + (layout.panel - layout.shown[0]) // 2
        part = canvas[layout.photo_top : layout.photo_top + 50 * times, left : left + 80 * times]
        assert np.array_equal(part, image.repeat(times, 0).repeat(times, 1))


def test_detail_is_the_same_part_of_each_photo_magnified_pixel_by_pixel() -> None:
    images = [noise(500, 700, seed) for seed in range(2)]
    layout = lay_out((700, 500), 2)
    canvas = np.asarray(strip([("x", image) for image in images]))
    (detail,) = layout.details
    across, down = detail.box[2:]
    left, top = most_detailed(images[0], across, down)
    width, height = detail.size(layout.panel)
    for index, image in enumerate(images):
        magnified = image[top : top + down, left : left + across].repeat(4, 0).repeat(4, 1)[:height, :width]
        x = layout.column(index)
        assert np.array_equal(canvas[detail.top : detail.top + height, x : x + width], magnified)


@settings(max_examples=10, deadline=None)
@given(st.integers(8, 300), st.integers(8, 300), st.integers(1, 4), st.data())
def test_chosen_parts_are_magnified_pixel_by_pixel_as_far_as_the_column_allows(
    height: int, width: int, count: int, data: st.DataObject
) -> None:
    crops = []
    for _ in range(data.draw(st.integers(1, 3))):
        across, down = data.draw(st.integers(1, min(width, 200))), data.draw(st.integers(1, min(height, 200)))
        place = data.draw(st.tuples(st.integers(0, width - across), st.integers(0, height - down)))
        crops.append((*place, across, down))
    images = [noise(height, width, seed) for seed in range(count)]
    layout = lay_out((width, height), count, crops, footer=True)
    canvas = np.asarray(strip([("x", image) for image in images], crops=crops, note="so made"))
    assert canvas.shape[:2] == layout.size[::-1]
    for (left, top, across, down), detail in zip(crops, layout.details, strict=True):
        times = detail.magnification
        frame = 3 if len(crops) > 1 else 0
        assert across * times + 2 * frame <= layout.panel < max(across, down) * (times + 1) + 2 * frame
        for index, image in enumerate(images):
            x = layout.column(index) + frame
            part = canvas[detail.top : detail.top + down * times, x : x + across * times]
            assert np.array_equal(part, image[top : top + down, left : left + across].repeat(times, 0).repeat(times, 1))


@pytest.mark.parametrize("crop", [(0, 0, 500, 20), (690, 0, 20, 20), (-1, 0, 5, 5), (0, 0, 0, 4)])
def test_a_part_that_is_none_or_has_no_room_is_refused(crop: tuple[int, int, int, int]) -> None:
    with pytest.raises(ValueError, match="part of"):
        strip([("a", noise(500, 700)), ("b", noise(500, 700))] * 3, crops=[crop])


def test_the_part_is_the_one_that_was_chosen() -> None:
    images = [noise(500, 700, seed) for seed in range(2)]
    by_hand = strip([("x", image) for image in images], crops=[(10, 20, 160, 120)])
    chosen = strip([("x", image) for image in images], choose=lambda _, width, height: (10, 20))
    assert chosen.tobytes() == by_hand.tobytes()


def test_tensors_and_arrays_give_the_same_and_so_does_a_second_time() -> None:
    image = noise(120, 90)
    tensor = torch.from_numpy(image).permute(2, 0, 1)
    first, second = strip([("a", image), ("b", image)]), strip([("a", tensor), ("b", tensor.contiguous())])
    assert first.tobytes() == second.tobytes()


def test_large_photos_stay_within_the_width() -> None:
    image = noise(1500, 2000)
    assert strip([("original", image)] * 3).size[0] <= MAX_WIDTH
    assert strip([("original", image)] * 3, max_width=900).size[0] <= 900


def test_mark_is_on_the_first_photo_alone() -> None:
    grey = np.full((512, 512, 3), 90, np.uint8)
    layout = lay_out((512, 512), 2)
    canvas = np.asarray(strip([("a", grey), ("b", grey)]))
    rows = slice(layout.photo_top, layout.photo_top + layout.shown[1])
    first, second = (canvas[rows, layout.column(i) : layout.column(i) + layout.panel] for i in range(2))
    assert (first != 90).any() and (second == 90).all()


@pytest.mark.parametrize(
    "pictures",
    [
        [],
        [("a", noise(4, 4)), ("b", noise(4, 5))],
        [("a", noise(4, 4).astype(np.float32))],
        [("a", noise(4, 4)[..., 0])],
        [("a", np.zeros((0, 4, 3), np.uint8))],
        [("a", noise(4, 4))] * 100,
    ],
)
def test_what_cannot_be_laid_out_is_refused(pictures: list[tuple[str, np.ndarray]]) -> None:
    with pytest.raises(ValueError):
        strip(pictures)


def test_long_caption_keeps_its_score() -> None:
    font = font_of(20)
    text = fitting("espcn_vgg_gan,seed=3,channels=128,loss=charbonnier 28.31 dB", font, 240)
    assert font.getlength(text) <= 240 and text.startswith("espcn") and text.endswith("28.31 dB")
    assert fitting("bicubic", font, 240) == "bicubic"


@settings(max_examples=40, deadline=None)
@given(st.integers(1, 80), st.integers(1, 80), st.data())
def test_window_lies_inside(height: int, width: int, data: st.DataObject) -> None:
    across, down = data.draw(st.integers(1, width)), data.draw(st.integers(1, height))
    left, top = most_detailed(noise(height, width), across, down)
    assert 0 <= left <= width - across and 0 <= top <= height - down


def test_window_finds_texture_rather_than_one_hard_edge() -> None:
    image = np.full((200, 300, 3), 20, np.uint8)
    image[:, 40:] = 250
    image[120:160, 200:240] = 100 + noise(40, 40) // 4
    left, top = most_detailed(image, 60, 60)
    assert 180 <= left <= 200 and 100 <= top <= 120


def test_flat_photo_gives_the_first_window() -> None:
    assert most_detailed(np.zeros((50, 50, 3), np.uint8), 10, 10) == (0, 0)


def test_the_window_in_which_versions_differ_is_found_whatever_the_texture() -> None:
    image = noise(200, 300)
    other = image.copy()
    other[130:150, 210:230] = 255 - other[130:150, 210:230]
    left, top = most_different([image, other, image], 40, 40)
    assert 190 <= left <= 210 and 110 <= top <= 130
    assert most_different([image, image], 40, 40) == most_detailed(image, 40, 40)
