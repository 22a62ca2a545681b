"""Pairs that do not belong together are named by what is wrong with them; those that do are left alone."""

from __future__ import annotations

import io
from collections.abc import Callable

import numpy as np
import pytest
import skimage.data
from PIL import Image
from scipy import ndimage

from srkit.data.pairs import pair_problems, scale_of

SCALE = 4


@pytest.fixture(scope="module", params=["coffee", "chelsea", "astronaut"])
def hr(request: pytest.FixtureRequest) -> np.ndarray:
    return np.array(getattr(skimage.data, request.param)())


def shrunk(hr: np.ndarray, margin: float = 0.0) -> np.ndarray:
    """By Pillow's bicubic, which shares nothing with the averages of the check; `margin` HR pixels are cut off."""
    height, width = (side // SCALE * SCALE for side in hr.shape[:2])
    box = (margin * width / height, margin, width - margin * width / height, height - margin)
    small = Image.fromarray(hr).resize((width // SCALE, height // SCALE), Image.Resampling.BICUBIC, box=box)
    return np.array(small)


def compressed(lr: np.ndarray) -> np.ndarray:
    file = io.BytesIO()
    Image.fromarray(lr).save(file, "JPEG", quality=40)
    return np.array(Image.open(file))


def noisy(lr: np.ndarray) -> np.ndarray:
    noise = np.random.default_rng(0).normal(0, 12, lr.shape)
    return np.clip(lr + noise, 0, 255).astype(np.uint8)


@pytest.mark.parametrize(
    "change",
    [lambda lr: lr, compressed, noisy, lambda lr: ndimage.gaussian_filter(lr, (1.2, 1.2, 0))],
    ids=["clean", "jpeg", "noise", "blur"],
)
def test_a_spoiled_pair_is_a_pair(hr: np.ndarray, change: Callable[[np.ndarray], np.ndarray]) -> None:
    assert pair_problems(change(shrunk(hr)), hr) == []


@pytest.mark.parametrize(
    ("change", "said"),
    [
        (lambda lr: np.roll(lr, 1, 1), "LR is shifted by about 1 px to the right (in LR pixels)"),
        (lambda lr: np.roll(lr, -3, 0), "LR is shifted by about 3 px up (in LR pixels)"),
        (
            lambda lr: np.roll(lr, (9, -4), (0, 1)),
            "LR is shifted by about 9 px down and 4 px to the left (in LR pixels)",
        ),
        (lambda lr: np.clip(lr * 0.8 + 24, 0, 255).astype(np.uint8), "contrast than HR"),
        (lambda lr: lr // 2, "50% less contrast than HR"),
        (lambda lr: lr[..., ::-1], "red and blue are exchanged in LR"),
        (lambda lr: lr[::-1], "LR is mirrored top to bottom"),
    ],
)
def test_what_is_wrong_is_said(hr: np.ndarray, change: Callable[[np.ndarray], np.ndarray], said: str) -> None:
    assert said in "; ".join(pair_problems(change(shrunk(hr)), hr))


def test_a_shift_of_less_than_a_pixel(hr: np.ndarray) -> None:
    # every fourth pixel stands 1.5 HR pixels beside the middle of its four: 0.375 LR pixels
    height, width = (side // SCALE * SCALE for side in hr.shape[:2])
    (found,) = pair_problems(hr[:height:SCALE, :width:SCALE], hr)
    numbers = [float(word) for word in found.split() if word[0].isdigit()]
    assert numbers == pytest.approx([0.375, 0.375], abs=0.08) and "down" in found and "to the right" in found


def test_another_scale_and_brightness(hr: np.ndarray) -> None:
    (found,) = pair_problems(shrunk(hr, margin=hr.shape[0] * 0.01), hr)
    assert found.startswith("LR shows the scene at another scale: +2.") and "horizontally" in found
    middle = np.clip(hr, 20, 235)
    assert pair_problems(shrunk(middle) + np.uint8(8), middle) == ["LR is 8 levels brighter than HR"]


def test_a_scale_that_is_far_off_is_no_shift_beside_it() -> None:
    hr = np.array(skimage.data.coffee())
    height, width = hr.shape[:2]
    box = (0.03 * width, 0.03 * height, 0.97 * width, 0.97 * height)
    lr = np.array(Image.fromarray(hr).resize((width, height), Image.Resampling.BICUBIC, box=box))
    assert pair_problems(lr, hr) == ["LR shows the scene at another scale: +6.4% vertically, +6.4% horizontally"]


def test_another_picture_and_another_size(hr: np.ndarray) -> None:
    other = np.ascontiguousarray(np.array(skimage.data.rocket()))
    lr = np.array(Image.fromarray(other).resize((hr.shape[1] // SCALE, hr.shape[0] // SCALE)))
    assert pair_problems(lr, hr) == ["LR shows something else than HR"]
    assert "no whole number apart" in pair_problems(lr[:-9], hr)[0] and scale_of(lr[:-9], hr) == 0
    assert scale_of(lr, hr) == SCALE


def test_flat_and_tiny_pictures_are_no_reason_to_fail() -> None:
    for side in (1, 3, 8, 40):
        flat = np.full((side, side, 3), 90, np.uint8)
        assert pair_problems(flat, np.full((side * 2, side * 2, 3), 90, np.uint8)) == []
        random = np.random.default_rng(side).integers(0, 256, (side, side, 3), dtype=np.uint8)
        pair_problems(random, np.repeat(np.repeat(random, 2, 0), 2, 1))
