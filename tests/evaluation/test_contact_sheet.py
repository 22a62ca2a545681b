"""The contact sheet holds both pictures of each pair, LR magnified pixel by pixel, whatever their size and captions."""

from __future__ import annotations

import numpy as np
import pytest

from srkit.evaluation.contact_sheet import MAX_WIDTH, Shown, contact_sheet


def shown(side: int, scale: int, name: str = "a.png", lines: tuple[str, ...] = ()) -> Shown:
    random = np.random.default_rng(side)
    lr = random.integers(0, 256, (side // scale, side // scale, 3), dtype=np.uint8)
    return Shown(name, lr, random.integers(0, 256, (side, side, 3), dtype=np.uint8), lines)


def test_pictures_stand_side_by_side_pixel_for_pixel() -> None:
    pair = shown(192, 4)
    sheet = np.asarray(contact_sheet([pair], "title"))
    large = np.repeat(np.repeat(pair.lr, 4, 0), 4, 1)
    (top, left), *others = [
        (y, x)
        for y in range(sheet.shape[0] - 192)
        for x in range(28, 29)
        if np.array_equal(sheet[y : y + 192, x : x + 192], large)
    ]
    assert not others
    assert np.array_equal(sheet[top : top + 192, left + 198 : left + 390], pair.hr)


@pytest.mark.parametrize("side", [4, 96, 1200])
@pytest.mark.parametrize("count", [1, 7])
def test_sheets_of_any_size(side: int, count: int) -> None:
    pair = shown(side, 2, "folder/" * 30 + "photo.png", ("noise: " + "a very long word of it, " * 9, "jpeg: 83"))
    sheet = contact_sheet([pair] * count, "a title that goes on " * 20)
    assert sheet.width <= max(MAX_WIDTH, 2 * side + 100)
