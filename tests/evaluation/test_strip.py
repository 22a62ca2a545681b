"""The strip picture: sizes and places for photos of any shape, exact pixels where it promises them."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import ImageFont

from srkit.evaluation.detail import most_detailed
from srkit.evaluation.strip import MAX_WIDTH, _fitting, lay_out, strip

sides = st.integers(1, 900)


def noise(height: int, width: int, seed: int = 0) -> np.ndarray:
    return np.random.default_rng(seed).integers(0, 256, (height, width, 3), dtype=np.uint8)


@settings(max_examples=60, deadline=None)
@given(sides, sides, st.integers(1, 6))
def test_layout_holds_its_parts(height: int, width: int, count: int) -> None:
    layout = lay_out(np.zeros((height, width, 3), np.uint8), count)
    assert layout.size[0] <= MAX_WIDTH and layout.size[1] <= 2000
    assert layout.column(count - 1) + layout.panel + layout.gap == layout.size[0]
    assert 1 <= layout.shown[0] <= layout.panel
    if layout.shown[0] > width:
        assert layout.shown[0] % width == 0 == layout.shown[1] % height
        assert layout.shown[0] // width == layout.shown[1] // height
    bottom = layout.photo_top + layout.shown[1]
    if layout.detail is None:
        assert layout.shown[0] >= 3 * width
    else:
        left, top, across, down = layout.detail
        assert 0 <= left <= width - across and 0 <= top <= height - down
        assert layout.detail_size[0] <= layout.panel
        bottom = layout.detail_top + layout.detail_size[1] + layout.footer_font
    assert bottom + layout.gap <= layout.size[1]


@settings(max_examples=15, deadline=None)
@given(st.integers(1, 300), st.integers(1, 300), st.integers(1, 4))
def test_pictures_of_any_shape_can_be_laid_out(height: int, width: int, count: int) -> None:
    image = noise(height, width)
    result = strip([(f"model {index} 28.31 dB", image) for index in range(count)])
    assert result.mode == "RGB" and result.size == lay_out(image, count).size


def test_small_photos_are_shown_magnified_pixel_by_pixel() -> None:
    images = [noise(50, 80, seed) for seed in range(3)]
    layout = lay_out(images[0], 3)
    canvas = np.asarray(strip([("x", image) for image in images]))
    times = layout.shown[0] // 80
    assert times >= 3 and layout.detail is None
    for index, image in enumerate(images):
        left = layout.column(index) + (layout.panel - layout.shown[0]) // 2
        part = canvas[layout.photo_top : layout.photo_top + 50 * times, left : left + 80 * times]
        assert np.array_equal(part, image.repeat(times, 0).repeat(times, 1))


def test_detail_is_the_same_part_of_each_photo_magnified_pixel_by_pixel() -> None:
    images = [noise(500, 700, seed) for seed in range(2)]
    layout = lay_out(images[0], 2)
    canvas = np.asarray(strip([("x", image) for image in images]))
    assert layout.detail is not None
    left, top, across, down = layout.detail
    width, height = layout.detail_size
    for index, image in enumerate(images):
        magnified = image[top : top + down, left : left + across].repeat(4, 0).repeat(4, 1)[:height, :width]
        x = layout.column(index) + (layout.panel - width) // 2
        assert np.array_equal(canvas[layout.detail_top : layout.detail_top + height, x : x + width], magnified)


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
    layout = lay_out(grey, 2)
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
    font = ImageFont.load_default(size=20)
    text = _fitting("espcn_vgg_gan,seed=3,channels=128,loss=charbonnier 28.31 dB", font, 240)
    assert font.getlength(text) <= 240 and text.startswith("espcn") and text.endswith("28.31 dB")
    assert _fitting("bicubic", font, 240) == "bicubic"


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
