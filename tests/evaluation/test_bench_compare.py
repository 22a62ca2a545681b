"""A finished table: differences from the right row, the best only beyond doubt, the worst photos first."""

from __future__ import annotations

import csv
import io
from dataclasses import replace

import numpy as np
import pytest
from rich.console import Console

from srkit.evaluation.bench import formats
from srkit.evaluation.bench.entries import compare
from srkit.evaluation.bench.notes import how_measured, notes
from srkit.evaluation.bench.table import comparison_table
from srkit.evaluation.bench.training_photos import Acquaintance
from srkit.evaluation.bench.worst import per_image_grid, photos_in_order, worst_first
from srkit.evaluation.report.tables import comparison_html
from srkit.evaluation.statistics import Difference, paired_difference, too_few
from tests.evaluation.bench_support import entry

BASE = np.linspace(25.0, 35.0, 12)
NOISE = np.random.default_rng(5).normal(0, 0.1, 12)


def test_differences_are_from_the_first_row_or_the_one_named() -> None:
    rows = [entry("a", BASE), entry("b", BASE + 1 + NOISE), entry("c", BASE - 1)]
    first = compare(rows)
    assert first.against == "a" and first.entries[0].differences == {}
    assert first.entries[1].differences["psnr-y"] == paired_difference(list(BASE + 1 + NOISE), list(BASE))
    named = compare(rows, "c")
    gap = named.entries[0].differences["psnr-y"]
    assert gap is not None and gap.mean == pytest.approx(1.0)
    assert named.entries[2].differences == {}


def test_the_best_is_beyond_doubt_against_each_other_row() -> None:
    sure = [entry("a", BASE), entry("b", BASE + 1 + NOISE), entry("c", BASE - 1)]
    assert compare(sure).best == {"psnr-y": "b"}
    assert compare([*sure, entry("d", BASE + 1 - NOISE)]).best == {}
    assert compare([entry("a", BASE[:9]), entry("b", BASE[:9] + 1)]).best == {}
    lower = [entry("a", BASE, higher=False), entry("b", BASE + 1, higher=False)]
    assert compare(lower).best == {"psnr-y": "a"}


def test_rows_of_another_protocol_are_refused() -> None:
    one, other = entry("a", BASE), entry("b", BASE)
    for change in ({"scale": 3}, {"border": 4}, {"downscaler": "pillow"}, {"set": "x"}):
        with pytest.raises(ValueError, match="in the same way"):
            compare([one, replace(other, row=replace(other.row, **change))])
    with pytest.raises(ValueError, match="no row is called"):
        compare([one, other], "c")


SHAKY = [30.0, 31.0, 29.0, 33.5, 30.5]


@pytest.mark.parametrize(("images", "is_said"), [(3, True), (5, True), (12, False)])
def test_intervals_wider_than_the_difference_are_too_few_images_to_say(images: int, is_said: bool) -> None:
    base = np.linspace(25.0, 35.0, images)
    moved = base + np.array((SHAKY * 3)[:images]) - 30.5
    table = compare([entry("a", base), entry("b", moved)])
    gap = table.entries[1].differences["psnr-y"]
    assert gap is not None and not gap.is_certain
    console = Console(width=80, file=io.StringIO(), record=True)
    console.print(comparison_table(table))
    shown = (console.export_text(), formats.as_markdown([table]), formats.as_latex([table]), comparison_html(table))
    assert [("too few images to say" in one) for one in shown] == [is_said] * 4
    assert ("not shown where few images or seeds" in how_measured(table)) == (images == 5)
    # numbers for programs stay
    (line,) = [one for one in csv.DictReader(io.StringIO(formats.as_csv([table]))) if one["model"] == "b"]
    assert (line["psnr-y low"] == "") == (images == 3)


def test_a_difference_that_few_images_agree_on_has_its_interval() -> None:
    assert too_few(Difference(9.0, 8.0, 10.0), 5) == "" and too_few(Difference(-9.0, -10.0, -8.0), 5) == ""
    assert too_few(Difference(0.0, 0.0, 0.0), 5) == ""
    assert too_few(Difference(0.1, -0.4, 0.6), 5) == "images" and too_few(Difference(0.1, -0.4, 0.6), 10) == ""
    # rows without a seed in common have no interval, however many images there are
    assert too_few(Difference(0.1), 50, 3) == "" and too_few(Difference(0.1), 50) == "images"


def test_worst_first() -> None:
    values = [30.0, 28.0, 31.0, 28.0]
    assert worst_first(entry("a", values).row) == ["01.png", "03.png", "00.png", "02.png"]
    assert worst_first(entry("a", values, higher=False).row)[0] == "02.png"
    gains = compare([entry("a", values), entry("b", [31.0, 29.5, 30.0, 28.2])])
    assert photos_in_order(gains) == ["02.png", "03.png", "00.png", "01.png"]
    headings, lines = per_image_grid(gains)
    assert headings == ["PSNR-Y by image", "a", "b"] and lines[0] == ["02.png", "31.00", "30.00"]


def test_what_stands_beneath() -> None:
    seen = Acquaintance({"00.png": "old/1.png", "01.png": "01.png"})
    rows = [entry("a", BASE[:6]), entry("b", BASE[:6] + 1, acquaintance=seen), entry("c", BASE[:6], acquaintance=seen)]
    rows.append(entry("d", BASE[:6], acquaintance=Acquaintance({}, "no such folder: x")))
    said = "\n".join(notes(compare(rows)))
    assert "no best is marked on fewer than 10 images" in said
    assert said.count("00.png (as old/1.png), 01.png") == 1 and "b, c trained on 2 of these photos" in said
    assert "whether d trained on these photos: no such folder: x" in said
    measured = how_measured(compare(rows))
    assert measured.startswith(
        "scores measured here; LR images by matlab-bicubic; border of 2 px cropped; differences from a, with 95%"
    )
    assert "too few images for intervals" in how_measured(compare([entry("a", BASE[:3]), entry("b", BASE[:3])]))
    assert "best beyond doubt: b (PSNR-Y)" in notes(compare([entry("a", BASE), entry("b", BASE + 1)]))
