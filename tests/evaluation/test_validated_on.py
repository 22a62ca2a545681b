"""Scores share axes where they are of the same images, made small alike; the baseline is a line among them."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from srkit.evaluation.curves import panels, read_curves
from srkit.evaluation.rows import MetricMean, Row
from srkit.evaluation.scores_file import write_scores
from srkit.evaluation.validated_on import validated_on
from tests.cli.conftest import Command, srkit

__all__ = ["srkit"]

EXPERIMENT = """scale = {scale}
[data]
[data.validate]
use = "srkit:folder"
path = "/photos/{name}"
[downscaler]
use = "{downscaler}"
"""


def a_run(
    folder: Path,
    name: str = "set5",
    fingerprint: str = "f",
    scale: int = 2,
    downscaler: str = "pillow",
    bicubic: float | None = None,
    contents: dict[str, str] | None = None,
) -> Path:
    folder.mkdir()
    text = EXPERIMENT.format(scale=scale, name=name, downscaler=downscaler)
    (folder / "experiment.toml").write_text(text, encoding="utf-8")
    (folder / "manifest.json").write_text(json.dumps({"data": {"validate": fingerprint}}))
    (folder / "metrics.jsonl").write_text('{"step": 1, "mse": 0.5}\n')
    (folder / "validation.jsonl").write_text('{"step": 1, "psnr-y": 30.0}\n')
    if contents is not None:
        (folder / "results.json").write_text(json.dumps({"data": {"validate": contents}}))
    if bicubic is not None:
        mean = {"psnr-y": MetricMean(bicubic, "dB", True)}
        write_scores(folder / "scores.json", [Row("bicubic", name, scale, downscaler, 1, mean, {"a.png": {}})])
    return folder


def scored(*runs: Path) -> list[tuple[str, list[str]]]:
    found = [one for one in panels([read_curves(run) for run in runs]) if one.title.startswith("PSNR-Y")]
    return [(one.title, [line.run for line in one.lines]) for one in found]


def test_the_scores_of_one_set_share_a_panel(tmp_path: Path) -> None:
    runs = [a_run(tmp_path / name) for name in ("a", "b")]
    assert scored(*runs) == [("PSNR-Y of validation", ["a", "b"])]


def test_each_validation_set_has_a_panel_named_after_it(tmp_path: Path) -> None:
    one, two, three = a_run(tmp_path / "a"), a_run(tmp_path / "b", "urban", "g"), a_run(tmp_path / "c")
    assert scored(one, two, three) == [
        ("PSNR-Y of validation on set5", ["a", "c"]),
        ("PSNR-Y of validation on urban", ["b"]),
    ]


@pytest.mark.parametrize(
    ("other", "title"),
    [
        ({"scale": 4}, "PSNR-Y of validation on set5, x4"),
        ({"downscaler": "box"}, "PSNR-Y of validation on set5, LR made in way 2"),
        ({"fingerprint": "other"}, "PSNR-Y of validation on set5, LR made in way 2"),
    ],
)
def test_a_set_of_one_name_that_is_another_has_a_panel_of_its_own(
    other: dict[str, str], title: str, tmp_path: Path
) -> None:
    found = scored(a_run(tmp_path / "a"), a_run(tmp_path / "b", **other))  # type: ignore[arg-type]
    assert [runs for _, runs in found] == [["a"], ["b"]] and found[1][0] == title


def test_equal_images_in_another_place_are_the_same_set(tmp_path: Path) -> None:
    contents = {"x.png": "1", "y.png": "2"}
    one = a_run(tmp_path / "a", fingerprint="there", contents=contents)
    two = a_run(tmp_path / "b", "copy", fingerprint="elsewhere", contents={"renamed.png": "2", "x.png": "1"})
    assert scored(one, two) == [("PSNR-Y of validation", ["a", "b"])]


def test_the_baseline_is_that_of_the_set_and_of_whichever_run_was_judged(tmp_path: Path) -> None:
    runs = [
        a_run(tmp_path / "a"),
        a_run(tmp_path / "b", bicubic=28.5),
        a_run(tmp_path / "c", "urban", "g", bicubic=24.0),
    ]
    found = {one.title: one.baseline for one in panels([read_curves(run) for run in runs]) if "PSNR" in one.title}
    assert found == {
        "PSNR-Y of validation on set5": ("bicubic", 28.5),
        "PSNR-Y of validation on urban": ("bicubic", 24.0),
    }


@pytest.mark.parametrize("file", ["experiment.toml", "manifest.json"])
@pytest.mark.parametrize("content", ["", "[", "[]", "null", '{"data": 3}', "data = 3"])
def test_a_damaged_file_says_nothing_of_the_set(file: str, content: str, tmp_path: Path) -> None:
    run = a_run(tmp_path / "a")
    (run / file).write_text(content)
    assert validated_on(run).name in ("", "set5")
    (run / file).unlink()
    assert validated_on(run).name in ("", "set5")


def test_curves_draws_a_panel_a_set(tmp_path: Path, srkit: Command) -> None:
    runs = [a_run(tmp_path / "a", bicubic=28.5), a_run(tmp_path / "b", "urban", "g")]
    said = srkit("curves", *map(str, runs), "--out", str(tmp_path / "c.png"))
    assert said.code == 0 and (tmp_path / "c.png").stat().st_size > 10_000
