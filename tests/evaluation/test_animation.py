"""The animated picture: exact pixels, a size that is kept, no trace of one frame in the next."""

from __future__ import annotations

import io

import numpy as np
import pytest
import torch
from PIL import Image, ImageSequence

from srkit.evaluation.animation import MOST, QUALITIES, animated, film
from tests.evaluation.test_strip import noise


def decoded(data: bytes) -> list[np.ndarray]:
    with Image.open(io.BytesIO(data)) as file:
        assert file.format == "WEBP"
        return [np.asarray(frame.convert("RGB")) for frame in ImageSequence.Iterator(file)]


def find(canvas: np.ndarray, part: np.ndarray) -> bool:
    """Whether a picture lies somewhere on a canvas, pixel for pixel."""
    height, width = part.shape[:2]
    return any(
        np.array_equal(canvas[top : top + height, left : left + width], part)
        for top in range(canvas.shape[0] - height + 1)
        for left in range(canvas.shape[1] - width + 1)
        if np.array_equal(canvas[top, left], part[0, 0])
    )


def test_frames_hold_the_pictures_magnified_pixel_by_pixel() -> None:
    images = [noise(60, 50, seed) for seed in range(2)]
    made = film([("bicubic 28.31 dB", images[0]), ("espcn 30.02 dB", torch.from_numpy(images[1]).permute(2, 0, 1))])
    assert made.times == 12 and made.box == (0, 0, 50, 60)
    result = animated(made.frames, delay=0.5, at_most=10**7)
    assert result.quality is None
    frames = decoded(result.data)
    assert len(frames) == 2
    for frame, image in zip(frames, images, strict=True):
        assert find(frame, image.repeat(12, 0).repeat(12, 1))
    with Image.open(io.BytesIO(result.data)) as file:
        file.load()
        assert file.info["duration"] == 500 and file.info["loop"] == 0


def test_the_size_is_kept_and_no_frame_shines_through_the_next() -> None:
    images = [noise(300, 400, seed) // 8 + 100 for seed in range(2)]
    images[1][:150] = images[0][:150] + 1  # what an encoder may take for the same
    frames = film([("a", images[0]), ("b", images[1])]).frames
    whole = animated(frames, delay=1, at_most=10**7)
    smaller = animated(frames, delay=1, at_most=len(whole.data) - 1)
    assert len(smaller.data) < len(whole.data) and smaller.quality in QUALITIES
    alone = io.BytesIO()
    frames[1].save(alone, format="WEBP", quality=smaller.quality, method=4)
    assert np.array_equal(decoded(smaller.data)[1], decoded(alone.getvalue())[0])
    with pytest.raises(ValueError, match="MB at least"):
        animated(frames, delay=1, at_most=500)


def test_of_a_large_photo_the_part_is_shown_that_differs_and_never_shrunk() -> None:
    image = np.full((1100, 1400, 3), 90, np.uint8)
    other = image.copy()
    other[1000:1050, 1300:1350] = 200
    made = film([("a", image), ("b", other)])
    left, top, width, height = made.box
    assert left <= 1300 and left + width >= 1350 and top <= 1000 and top + height >= 1050
    assert made.times == 1 and width <= MOST[0] and height <= MOST[1]
    assert made.frames[0].width >= width


def test_a_chosen_part_is_shown_alone() -> None:
    images = [noise(100, 100, seed) for seed in range(2)]
    made = film([("a", images[0]), ("b", images[1])], crop=(10, 20, 30, 15))
    part = images[0][20:35, 10:40].repeat(made.times, 0).repeat(made.times, 1)
    assert made.times == 12 and find(np.asarray(made.frames[0]), part)


@pytest.mark.parametrize(
    ("pictures", "crop", "message"),
    [
        ([("a", noise(9, 9))], None, "two pictures"),
        ([("a", noise(9, 9)), ("b", noise(9, 8))], None, "different sizes"),
        ([("a", noise(9, 9)), ("b", noise(9, 9))], (5, 5, 5, 1), "no part of a photo of 9x9"),
        ([("a", np.zeros((9, 1400, 3), np.uint8))] * 2, (0, 0, 1300, 9), "too large to be shown"),
    ],
)
def test_what_cannot_be_shown_is_refused(
    pictures: list[tuple[str, np.ndarray]], crop: tuple[int, int, int, int] | None, message: str
) -> None:
    with pytest.raises(ValueError, match=message):
        film(pictures, crop=crop)
