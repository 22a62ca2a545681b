"""scores.json: the fixed form, equal bytes for equal scores, whole or not at all."""

from __future__ import annotations

import json
import math
import os
from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from srkit.errors import SrkitError, UserError
from srkit.evaluation.rows import MetricMean, Row
from srkit.evaluation.scores_file import (
    read_scores,
    rows_from_json,
    rows_to_json,
    scores_text,
    write_scores,
)

ROW = Row(
    model="bicubic",
    set="sample-photos",
    scale=2,
    downscaler="pillow",
    images=2,
    metrics={"psnr-y": MetricMean(None, "dB", True), "niqe": MetricMean(4.5, "", False)},
    per_image={"ä.png": {"psnr-y": None, "niqe": 4.0}, "b.png": {"psnr-y": 30.25, "niqe": 5.0}},
    degradations=("jpeg",),
    border=2,
    seconds_per_megapixel=0.25,
    warnings=("w",),
)


def test_form_is_the_fixed_one() -> None:
    assert rows_to_json([ROW]) == {
        "rows": [
            {
                "model": "bicubic",
                "set": "sample-photos",
                "scale": 2,
                "downscaler": "pillow",
                "degradations": ["jpeg"],
                "images": 2,
                "border": 2,
                "parameters": 0,
                "metrics": {
                    "psnr-y": {"mean": None, "unit": "dB", "higher_is_better": True},
                    "niqe": {"mean": 4.5, "unit": "", "higher_is_better": False},
                },
                "per_image": {"ä.png": {"psnr-y": None, "niqe": 4.0}, "b.png": {"psnr-y": 30.25, "niqe": 5.0}},
                "warnings": ["w"],
                "seconds_per_megapixel": 0.25,
            }
        ]
    }


def test_written_rows_come_back(tmp_path: Path) -> None:
    path = tmp_path / "scores.json"
    write_scores(path, [ROW, replace(ROW, model="mine")], {"run": "mine"})
    assert read_scores(path) == [ROW, replace(ROW, model="mine")]
    payload = json.loads(path.read_text(encoding="utf-8"))
    assert list(payload) == ["rows", "run"] and payload["rows"][0]["per_image"]["ä.png"]["psnr-y"] is None
    assert os.listdir(tmp_path) == ["scores.json"]


def test_equal_scores_give_equal_bytes_but_for_the_clock(tmp_path: Path) -> None:
    slower = replace(ROW, seconds_per_megapixel=9.0)
    assert scores_text([ROW]) == scores_text([replace(ROW)])
    assert scores_text([ROW]) != scores_text([slower])
    lines = zip(scores_text([ROW]).splitlines(), scores_text([slower]).splitlines(), strict=True)
    assert all(one == other for one, other in lines if '"seconds_per_megapixel"' not in one)


@given(st.dictionaries(st.text(min_size=1), st.floats(allow_nan=False, allow_infinity=False), max_size=4))
def test_numbers_survive_exactly(values: dict[str, float]) -> None:
    row = replace(ROW, per_image={"a": values}, metrics={})
    assert rows_from_json(json.loads(scores_text([row]))) == [row]


@pytest.mark.parametrize("bad", [math.nan, math.inf, -math.inf])
def test_nan_and_infinities_are_never_written(tmp_path: Path, bad: float) -> None:
    path = tmp_path / "scores.json"
    rows = [
        replace(ROW, per_image={"a": {"psnr-y": bad}}),
        replace(ROW, metrics={"psnr-y": MetricMean(bad, "dB", True)}),
        replace(ROW, seconds_per_megapixel=bad),
    ]
    for row in rows:
        with pytest.raises(ValueError):
            write_scores(path, [row])
    assert not os.listdir(tmp_path)


def test_failed_write_leaves_the_older_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "scores.json"
    write_scores(path, [ROW])
    before = path.read_bytes()

    def full(*_: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(SrkitError, match="scores.json: cannot be written: No space left on device"):
        write_scores(path, [])
    assert path.read_bytes() == before and os.listdir(tmp_path) == ["scores.json"]


def test_folder_that_is_not_there_is_told(tmp_path: Path) -> None:
    with pytest.raises(SrkitError, match="cannot be written"):
        write_scores(tmp_path / "none" / "scores.json", [ROW])


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "not a scores.json"),
        ("[]", "not a scores.json"),
        ("{}", "the key 'rows' is missing"),
        ('{"rows": [{"model": "m"}]}', "the key 'set' is missing"),
        ('{"rows": ["m"]}', "not a scores.json"),
        ("{", "not a scores.json"),
    ],
)
def test_other_files_are_refused_by_name(tmp_path: Path, text: str, message: str) -> None:
    path = tmp_path / "scores.json"
    path.write_text(text)
    with pytest.raises(UserError, match=message):
        read_scores(path)


def test_missing_file_is_told(tmp_path: Path) -> None:
    with pytest.raises(UserError, match="cannot be read"):
        read_scores(tmp_path / "scores.json")


def test_unknown_keys_are_passed_over_and_later_ones_may_lack() -> None:
    payload = rows_to_json([ROW])
    payload["rows"][0]["new"] = 1
    assert rows_from_json(payload) == [ROW]
    fixed = ("model", "set", "scale", "downscaler", "images", "metrics", "per_image")
    (row,) = rows_from_json({"rows": [{key: payload["rows"][0][key] for key in fixed}]})
    assert (row.border, row.parameters, row.seconds_per_megapixel) == (2, 0, None)


def test_extra_keys_cannot_replace_the_rows() -> None:
    with pytest.raises(ValueError, match="rows"):
        rows_to_json([ROW], {"rows": []})
