"""The page's parts by themselves: markup, axes, which part of a photo, how it is kept, differences, provenance."""

from __future__ import annotations

import base64
import io
import json
import re
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image

from srkit.evaluation.curves import Line, Panel, Series
from srkit.evaluation.report.axes import Axis, label
from srkit.evaluation.report.charts import MOST_POINTS, panel_chart
from srkit.evaluation.report.contents import Kept
from srkit.evaluation.report.differences import different, file_html, flat
from srkit.evaluation.report.encoding import FORMS, encode, encode_strips
from srkit.evaluation.report.markup import Html, tag
from srkit.evaluation.report.pictures import LARGEST, chosen, cut
from srkit.evaluation.report.provenance import facts_of
from srkit.evaluation.report.tables import comparison_html
from srkit.evaluation.report.viewer import strips_html
from tests.evaluation.report.made import comparison, shown

SIZES = st.tuples(st.integers(1, 200), st.integers(1, 200))


def test_what_cannot_be_seen_is_spelled_out_on_a_page() -> None:
    assert tag("p", "a\x1b\u202e", title="\u200b\udcff") == '<p title="\\u200b\\udcff">a\\x1b\\u202e</p>'
    assert "\\u202e" in file_html("a = 1 # \u202e", "a = 1") and "\\u2028" in file_html("\u2028", "")


def test_text_is_escaped_and_markup_is_not() -> None:
    assert tag("b", "<i>", tag("i", "&"), title='"') == '<b title="&quot;">&lt;i&gt;<i>&amp;</i></b>'
    assert isinstance(tag("b"), Html)


@given(st.floats(-1e6, 1e6), st.floats(1e-6, 1e6), st.booleans())
def test_ticks_lie_on_their_axis_and_read_differently(low: float, width: float, log: bool) -> None:
    low = abs(low) + 1e-3 if log else low
    axis = Axis.over(low, low + width, 0.0, 100.0, log=log)
    assert all(-1e-6 <= axis.at(one) <= 100 + 1e-6 for one in axis.ticks)
    assert -1e-6 <= axis.at(low) <= axis.at(low + width) <= 100 + 1e-6
    if width > 1e-3 * abs(low):  # else five digits are too few to tell them apart
        assert len(axis.ticks) >= 2
        assert len({label(one) for one in axis.ticks}) == len(axis.ticks)


@pytest.mark.parametrize("value", [0.0, -3.5, 1e-9, 27.25])
def test_one_value_alone_has_an_axis(value: float) -> None:
    axis = Axis.over(value, value, 0.0, 100.0)
    assert axis.at(value) == pytest.approx(50)


def test_a_line_is_broken_where_a_number_is_missing_and_a_peak_stays() -> None:
    values = [None if step == 500 else 9.0 if step == 777 else step / 1000 for step in range(2000)]
    series = Series(tuple(range(2000)), tuple(values))
    chart = panel_chart(Panel("loss", "", (Line("a", "", series),)), {"a": 0})
    lines = [one.split() for one in re.findall(r'points="([^"]+)"', chart)]
    assert len(lines) == 2
    assert sum(map(len, lines)) <= 2 * (MOST_POINTS + 2)
    tops = [float(point.split(",")[1]) for line in lines for point in line]
    assert sorted(tops)[0] < 50 < sorted(tops)[1]  # one point far above all others


@settings(deadline=None)
@given(SIZES, SIZES)
def test_a_part_lies_in_its_photo_and_is_no_larger_than_allowed(
    size: tuple[int, int], largest: tuple[int, int]
) -> None:
    largest = (max(largest), min(largest))
    left, top, width, height = cut(np.zeros((size[1], size[0], 3), np.uint8), largest)
    assert 0 <= left <= left + width <= size[0] and 0 <= top <= top + height <= size[1]
    assert width * height <= largest[0] * largest[1]
    if size[0] * size[1] <= largest[0] * largest[1]:
        assert (left, top, width, height) == (0, 0, *size)


def test_the_part_with_the_most_detail_is_shown() -> None:
    image = np.zeros((1000, 1500, 3), np.uint8)
    image[600:900, 900:1400] = np.random.default_rng(0).integers(0, 255, (300, 500, 3))
    left, top, width, height = cut(image, LARGEST)
    assert (width, height) == LARGEST
    assert left <= 920 and left + width >= 1380 and top <= 620 and top + height >= 880


@given(st.integers(1, 300), st.integers(1, 20))
def test_photos_are_spread_over_the_set(total: int, count: int) -> None:
    found = chosen(total, count)
    assert len(found) == min(total, count) and found[0] == 0
    assert found == sorted(set(found)) and found[-1] <= total - 1


def pixels(url: str) -> np.ndarray:
    return np.asarray(Image.open(io.BytesIO(base64.b64decode(url.partition(",")[2]))).convert("RGB"))


def test_without_loss_means_the_same_pixels() -> None:
    photo = shown("a", ["original", "x"])
    done = encode([photo])
    assert done.form is FORMS[0]
    for picture, url in zip(photo.pictures, done.urls[0], strict=True):
        assert np.array_equal(pixels(url), picture.pixels)


@pytest.mark.parametrize("room", [400_000, 90_000, 20_000])
def test_pictures_get_worse_and_then_smaller_until_they_fit(room: int) -> None:
    photos = [shown(str(number), ["original", "x"], (200, 150), seed=number) for number in range(2)]
    done = encode(photos, room)
    files = [url for urls in done.urls for url in urls]
    assert sum(len(url) * 3 // 4 for url in files) <= room or done.form is FORMS[-1]
    for photo, urls in zip(done.photos, done.urls, strict=True):
        left, top, width, height = photo.part
        assert pixels(urls[0]).shape == (height, width, 3)
        assert (left + width, top + height) <= (200, 150) and photo.size == (200, 150)
    assert done.form is not FORMS[0] or room == 400_000


def test_as_many_strips_are_kept_as_have_room(tmp_path: Path) -> None:
    strips = [Kept("a", tmp_path / f"{number}.png") for number in range(3)]
    for strip in strips:
        Image.fromarray(shown("a", ["x"], (90, 30)).pictures[0].pixels).save(strip.file)
    there = encode_strips(strips, 1_000_000)
    assert [one.strip for one in there] == strips and there[0].size == (90, 30)
    room = len(there[0].url) * 2 * 3 // 4
    found = strips_html(strips, encode_strips(strips, room))
    assert found is not None and found.count("<img") == 2 and "1 more strips found no room" in found
    assert strips_html([], []) is None


def test_differences_are_found_by_dotted_keys() -> None:
    first = flat({"scale": 2, "pixel_loss": [{"use": "mse", "name": "mse", "weight": 1.0}], "stage": [{"steps": 5}]})
    other = flat({"scale": 2, "pixel_loss": [{"use": "mse", "name": "mse", "weight": 2.0}], "ema": {"decay": 0.9}})
    assert first["stage.1.steps"] == "5"
    assert different([first, other]) == ["pixel_loss.mse.weight", "stage.1.steps", "ema.decay"]


def test_lines_of_a_file_that_differ_are_marked() -> None:
    found = file_html("a\nB\nc", "a\nb\nc")
    assert "<del>b</del>\n<ins>B</ins>\nc" in found and ">a\n" in found


def test_provenance_in_words() -> None:
    manifest = {
        "srkit": "0.1.0",
        "data": {"train": "abc", "samples": 9, "skipped": ["x"]},
        "facts": {"feature_loss.vgg16": {"weights": "random", "seed": "12"}},
        "sessions": [{"device": "cpu", "started": "1"}, {"device": "cuda", "started": "2", "command": ["run", "a b"]}],
        "warnings": ["beware"],
        "more": {"than": "that"},
    }
    facts = facts_of(manifest)
    assert facts["training pictures"] == "9" and facts["left out"] == "1 broken or too small"
    assert facts["weights: feature_loss.vgg16"] == "weights random, seed 12"
    assert facts["device"] == "cpu / cuda" and facts["resumed"] == "2" and facts["command"] == "srkit run 'a b'"
    assert facts["warnings"] == "beware" and facts["more.than"] == "that"


@pytest.mark.parametrize("manifest", [{}, {"sessions": 3, "data": [], "versions": None}, {"imported": {"x": {"y": 1}}}])
def test_a_manifest_of_another_form_is_shown_as_far_as_it_goes(manifest: dict[str, object]) -> None:
    assert json.dumps(facts_of(manifest))


def test_a_table_says_what_the_terminals_does() -> None:
    found = comparison_html(comparison())
    assert "28.00" in found and "+2.00" in found and "best beyond doubt" in found
    assert "PSNR-Y (dB) \N{UPWARDS ARROW}" in found and "LPIPS \N{DOWNWARDS ARROW}" in found
    assert "Differences" not in found and "differences from bicubic, with 95% intervals over images" in found
