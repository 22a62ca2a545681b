"""The table at 80 columns, and the forms for programs and papers."""

from __future__ import annotations

import csv
import io
import json
from dataclasses import replace

import numpy as np
import pytest
from rich.console import Console

from srkit.evaluation.bench.entries import RECORDED, Comparison, Entry, compare
from srkit.evaluation.bench.figures import bytes_figure, macs_figure, spread_figure
from srkit.evaluation.bench.formats import as_csv, as_json, as_latex, as_markdown
from srkit.evaluation.bench.table import comparison_table
from srkit.evaluation.bench.training_photos import Acquaintance
from srkit.evaluation.rows import MetricMean
from srkit.evaluation.scores_file import rows_from_json
from tests.evaluation.bench_support import entry

BASE = np.linspace(25.0, 35.0, 12)


def rich_entry(model: str, gain: float, **other: object) -> Entry:
    """A row with four scores, costs and times."""
    one = entry(model, BASE + gain)
    per_image = {
        photo: {
            "psnr-y": values["psnr-y"],
            "ssim-y": 0.9 + gain / 100,
            "consistency": 40.0 + gain + number / 10,
            "colour-drift": 0.5 - gain / 10 - number / 100,
        }
        for number, (photo, values) in enumerate(one.row.per_image.items())
    }
    units = {
        "psnr-y": ("dB", True),
        "ssim-y": ("", True),
        "consistency": ("dB", True),
        "colour-drift": ("levels", False),
    }
    metrics = {
        name: MetricMean(float(np.mean([values[name] for values in per_image.values()])), *described)
        for name, described in units.items()
    }
    row = replace(one.row, per_image=per_image, metrics=metrics, parameters=171_148, seconds_per_megapixel=0.417)
    costs = {"macs_per_megapixel": 42.7e9, "peak_memory": 120_000_000, "time_spread": 0.031}
    return Entry(row, **{**costs, **other})  # type: ignore[arg-type]  # keywords of Entry


TABLE = compare(
    [
        rich_entry("bicubic", 0.0, macs_per_megapixel=0.0),
        rich_entry("espcn", 2.0, trained_on="urban40, matlab-bicubic", acquaintance=Acquaintance({"00.png": "x.png"})),
    ]
)


def shown(table: Comparison, width: int = 80) -> str:
    console = Console(width=width, file=io.StringIO(), record=True)
    console.print(comparison_table(table, width, "cpu"))
    return "\n".join(line.rstrip() for line in console.export_text().splitlines())


def test_the_table_at_80_columns() -> None:
    assert (
        shown(TABLE)
        == """\
made, x2, 12 images

model     PSNR-Y (dB)          SSIM-Y                    CONSISTENCY (dB)
───────────────────────────────────────────────────────────────────────────
bicubic   30.00                0.9000                    40.55
espcn †   32.00 +2.00          0.9200 +0.0200            42.55 +2.00
                +2.00..+2.00          +0.0200..+0.0200         +2.00..+2.00

model     COLOUR-DRIFT (levels)   params   MACs/MP      time/MP   memory
────────────────────────────────────────────────────────────────────────
bicubic   0.45                      171k         -   417 ms ±3%   120 MB
espcn †   0.24 -0.20                171k    42.7 G   417 ms ±3%   120 MB
               -0.20..-0.20

model     trained on
─────────────────────────────────
bicubic   -
espcn †   urban40, matlab-bicubic

scores measured here; LR images by matlab-bicubic; border of 2 px cropped;
differences from bicubic, with 95% intervals over images; less is better:
COLOUR-DRIFT; times in turn on cpu, medians and half the quartiles' distance
best beyond doubt: espcn (PSNR-Y, SSIM-Y, CONSISTENCY, COLOUR-DRIFT)
warning: † espcn trained on one of these photos, and scores on them tell little
of new ones: 00.png (as x.png)"""
    )


@pytest.mark.parametrize("width", [60, 80, 120, 160, 300])
def test_nothing_is_cut_at_any_width(width: int) -> None:
    text = shown(TABLE, width)
    assert max(map(len, text.splitlines())) <= width
    assert "…" not in text
    for figure in ("32.00", "+0.0200..+0.0200", "42.55", "171k", "42.7 G", "417 ms ±3%", "120 MB", "urban40,"):
        assert figure in text


@pytest.mark.parametrize("length", range(1, 25))
def test_names_are_whole_where_they_fit(length: int) -> None:
    name = "x" * length
    text = shown(compare([rich_entry("bicubic", 0.0), rich_entry(name, 1.0)]))
    assert f"\n{name} " in text and max(map(len, text.splitlines())) <= 80


def test_long_names_are_folded() -> None:
    long = "a-study-of-many-alternatives-seed-12"
    text = shown(compare([rich_entry("bicubic", 0.0), rich_entry(long, 1.0)]))
    assert max(map(len, text.splitlines())) <= 80
    assert long in "".join(line[:24].strip() for line in text.splitlines() if line[:24].strip() in long)


def test_json_has_the_fixed_form_and_the_worst_photo_first() -> None:
    content = json.loads(as_json([TABLE], {"device": "cpu"}))
    mine = content["rows"][1]
    for key in ("model", "set", "scale", "downscaler", "images", "metrics", "per_image"):
        assert key in mine
    assert mine["metrics"]["psnr-y"] == {"mean": 32.0, "unit": "dB", "higher_is_better": True}
    assert mine["differences"]["psnr-y"]["mean"] == pytest.approx(2.0)
    assert next(iter(mine["per_image"])) == "00.png"
    assert mine["against"] == "bicubic" and mine["best"] == list(TABLE.metrics)
    assert mine["seen_in_training"] == {"00.png": "x.png"}
    assert [row.model for row in rows_from_json(content)] == ["bicubic", "espcn"]
    assert content["device"] == "cpu"


def test_csv_has_a_line_a_row_or_a_photo() -> None:
    lines = list(csv.DictReader(io.StringIO(as_csv([TABLE]))))
    assert [line["model"] for line in lines] == ["bicubic", "espcn"]
    assert float(lines[1]["psnr-y difference"]) == pytest.approx(2.0) and lines[0]["psnr-y low"] == ""
    photos = list(csv.DictReader(io.StringIO(as_csv([TABLE], per_image=True))))
    assert len(photos) == 24 and photos[0]["image"] == "00.png"
    assert float(photos[0]["psnr-y"]) == TABLE.entries[0].row.per_image["00.png"]["psnr-y"]


def test_markdown_and_latex_say_the_same() -> None:
    markdown, latex = as_markdown([TABLE], "cpu", per_image=True), as_latex([TABLE], "cpu", per_image=True)
    assert "| espcn † | **32.00** +2.00 (+2.00..+2.00) |" in markdown
    assert "espcn $\\dagger$ & \\textbf{32.00} +2.00 (+2.00..+2.00) &" in latex
    assert latex.count("\\begin{tabular}") == latex.count("\\end{tabular}") == 2
    header = next(line for line in markdown.splitlines() if line.startswith("| model"))
    assert all(
        line.count("|") == header.count("|") for line in markdown.splitlines() if line.startswith(("| e", "| b"))
    )


def test_an_infinite_score_is_null_and_inf() -> None:
    one = entry("a", [30.0, 31.0])
    row = replace(one.row, metrics={"psnr-y": MetricMean(None, "dB", True)})
    row = replace(row, per_image={"00.png": {"psnr-y": None}, "01.png": {"psnr-y": 31.0}})
    table = compare([one, replace(one, row=replace(row, model="b"))])
    assert json.loads(as_json([table], {}))["rows"][1]["metrics"]["psnr-y"]["mean"] is None
    assert "inf" in as_csv([table]) and "inf" in as_markdown([table]) and "inf" in shown(table)
    alone = replace(row, per_image={"00.png": {"psnr-y": None}, "01.png": {"psnr-y": None}})
    table = compare([one, replace(one, row=replace(alone, model="b"))])
    assert table.entries[1].differences == {"psnr-y": None} and "| inf |" in as_markdown([table])


def test_a_flat_image_is_named_and_the_others_are_told_apart() -> None:
    """PSNR is infinite for both on the first of 12 images; what is shown is numpy's mean over the other 11."""
    values = np.random.default_rng(3).normal(30, 1, 12)
    entries = [with_infinite(entry("a", values)), with_infinite(entry("b", values + 1 + 0.1 * np.arange(12)))]
    table = compare(entries)
    gap = table.entries[1].differences["psnr-y"]
    assert gap is not None and gap.mean == pytest.approx(np.mean(1 + 0.1 * np.arange(1, 12))) and gap.is_certain
    assert table.best == {"psnr-y": "b"}
    note = "PSNR-Y is infinite on 00.png: means and differences are over the other 11 images"
    for text in (shown(table), as_markdown([table]), as_latex([table])):
        assert f"{values[1:].mean():.2f}" in text and note in " ".join(text.split())
    row = json.loads(as_json([table], {}))["rows"][0]
    assert row["metrics"]["psnr-y"]["mean"] is None and row["per_image"]["00.png"]["psnr-y"] is None
    assert row["metrics"]["psnr-y"]["finite"] == pytest.approx(values[1:].mean())
    assert row["metrics"]["psnr-y"]["left_out"] == ["00.png"]
    (line, _) = csv.DictReader(io.StringIO(as_csv([table])))
    assert line["psnr-y"] == "inf" and float(line["psnr-y finite"]) == pytest.approx(values[1:].mean())


def test_who_is_infinite_is_named_and_all_means_are_over_the_same_images() -> None:
    whole, partly = entry("whole", [30.0, 31.0, 35.0]), with_infinite(entry("partly", [30.0, 32.0, 36.0]))
    table = compare([whole, partly])
    assert [one.row.metrics["psnr-y"].shown for one in table.entries] == [33.0, 34.0]
    assert table.entries[0].row.metrics["psnr-y"].mean == 32.0, "its own mean stays"
    assert "PSNR-Y is infinite on 00.png (partly): means" in " ".join(shown(table).split())


def test_a_row_that_is_infinite_on_all_images_leaves_none_out_for_others() -> None:
    original = entry("original", [30.0, 30.0])
    row = replace(original.row, metrics={"psnr-y": MetricMean(None, "dB", True)})
    row = replace(row, per_image={name: {"psnr-y": None} for name in row.per_image})
    table = compare([entry("a", [30.0, 32.0]), Entry(row)])
    assert [one.row.metrics["psnr-y"].shown for one in table.entries] == [31.0, None]
    assert table.entries[1].differences == {"psnr-y": None} and "infinite on" not in shown(table)


def with_infinite(one: Entry) -> Entry:
    """The same, but infinite on its first image."""
    row = replace(one.row, metrics={"psnr-y": MetricMean(None, "dB", True)})
    return replace(one, row=replace(row, per_image={**row.per_image, "00.png": {"psnr-y": None}}))


def test_figures() -> None:
    assert [macs_figure(one) for one in (None, 0, 999.6e9, 42.72e9, 1.2e6, 3e3)] == [
        "-", "-", "1.00 T", "42.7 G", "1.20 M", "3.00 k"
    ]  # fmt: skip
    assert [bytes_figure(one) for one in (None, 1_250_000_000, 15_000_000, 999)] == [
        "-",
        "1.25 GB",
        "15.0 MB",
        "1.00 kB",
    ]
    assert [spread_figure(one) for one in (None, 0.0, 0.031)] == ["", "±0%", "±3%"]


def test_whether_scores_were_measured_here_stands_in_every_form() -> None:
    measured = compare([entry("bicubic", BASE), entry("espcn", BASE + 1)])
    recorded = replace(measured, origin=RECORDED, results={"espcn": "3f2a9c01bb7e"})
    for one, words in ((measured, "measured here"), (recorded, "as recorded")):
        assert {row["origin"] for row in json.loads(as_json([one], {}))["rows"]} == {words}
        assert json.loads(as_json([one], {}))["rows"][1]["results"] == dict(one.results)
        assert {row["origin"] for row in csv.DictReader(io.StringIO(as_csv([one])))} == {words}
        assert f"scores {words}" in as_markdown([one]) and f"scores {words}" in as_latex([one])
    assert "- results: espcn 3f2a9c01bb7e" in as_markdown([recorded]) and "results: espcn" in as_latex([recorded])
    assert "results:" not in as_markdown([measured])
