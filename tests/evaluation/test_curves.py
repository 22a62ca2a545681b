"""What runs wrote down, as series, panels and scatters; read from files as they are while a run trains."""

from __future__ import annotations

import json
import math
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from srkit.errors import UserError
from srkit.evaluation.curves import (
    SMOOTHED_FROM,
    Panel,
    Series,
    panels,
    read_curves,
    scatters,
    smoothed,
    smoothing_span,
)
from srkit.evaluation.rows import MetricMean, Row
from srkit.evaluation.scores_file import write_scores


def a_run(folder: Path, *lines: dict[str, Any], validation: list[dict[str, Any]] | None = None) -> Path:
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "experiment.toml").touch()
    (folder / "metrics.jsonl").write_text("".join(json.dumps(one) + "\n" for one in lines))
    if validation is not None:
        (folder / "validation.jsonl").write_text("".join(json.dumps(one) + "\n" for one in validation))
    return folder


def row(model: str, psnr: float | None, lpips: float | None = None, photo: str = "a.png") -> Row:
    metrics = {"psnr-y": MetricMean(psnr, "dB", True), "colour-drift": MetricMean(1.0, "levels", False)}
    metrics |= {"lpips": MetricMean(lpips, "", False)} if lpips is not None else {}
    return Row(model, "set5", 2, "box", 1, metrics, {photo: {}})


def titles(found: list[Panel]) -> list[str]:
    return [one.title for one in found]


def test_a_run_is_read_as_far_as_it_is_written(tmp_path: Path) -> None:
    run = a_run(tmp_path / "gan", {"step": 10, "mse": 0.5, "lr": 1e-3}, {"step": 20, "mse": None, "lr": 1e-4, "w": 2})
    with (run / "metrics.jsonl").open("a") as file:
        file.write('{"step": 30, "mse": 0.')  # is being written this moment
    read = read_curves(run)
    assert read.name == "gan" and read.validation == {}
    assert read.metrics["mse"] == Series((10, 20), (0.5, None))
    assert read.metrics["w"] == Series((20,), (2.0,))


def test_a_run_that_logged_nothing_is_empty_and_what_is_none_is_said(tmp_path: Path) -> None:
    run = a_run(tmp_path / "r")
    (run / "metrics.jsonl").unlink()
    assert read_curves(run).metrics == {} and panels([read_curves(run)]) == []
    with pytest.raises(UserError, match="not a run folder"):
        read_curves(tmp_path)
    for line in ("no json\n", '{"mse": 1}\n', "[1]\n", '{"step": "x"}\n'):
        (run / "metrics.jsonl").write_text('{"step": 1, "mse": 2}\n' + line)
        with pytest.raises(UserError, match=r"metrics\.jsonl:2: not a line that srkit writes"):
            read_curves(run)


def test_panels_overlay_the_runs_that_have_such_a_number(tmp_path: Path) -> None:
    plain = [{"step": s, "time": 1.0, "lr": 1e-3, "mse": 1 / s, "loss": 1 / s, "waiting": 0.1} for s in (1, 2)]
    more = {"vgg16": 2.0, "vgg16/conv1": 1.0, "share/mse": 0.4, "gradient_norm/generator": 1.0, "colour_shift/red": 1.0}
    more |= {"lr_discriminator": 1e-4, "discriminator": 0.6, "discriminator/accuracy_real": 0.8}
    more |= {"discriminator/accuracy_fake": 0.7, "images_per_second": 9.0}
    gan = [one | more | {"loss": 3.0} for one in plain]
    scores = [{"step": 2, "psnr-y": 30.0}]
    one = read_curves(a_run(tmp_path / "plain", *plain, validation=scores))
    two = read_curves(a_run(tmp_path / "gan", *gan, validation=scores))
    assert titles(panels([one])) == ["loss mse", "learning rate", "PSNR-Y of validation"]
    found = {panel.title: panel for panel in panels([one, two])}
    assert list(found) == [
        "sum of losses, weighted",
        "loss mse",
        "loss vgg16",
        "discriminator's loss",
        "discriminator's accuracy",
        "learning rate",
        "PSNR-Y of validation",
    ]
    assert [line.run for line in found["loss mse"].lines] == ["plain", "gan"]
    assert [(line.run, line.part) for line in found["discriminator's accuracy"].lines] == [
        ("gan", "real"),
        ("gan", "fake"),
    ]
    rates = [(line.run, line.part) for line in found["learning rate"].lines]
    assert rates == [("plain", "generator"), ("gan", "generator"), ("gan", "discriminator")]
    assert found["learning rate"].log and not found["PSNR-Y of validation"].log


def test_units_come_from_the_scores(tmp_path: Path) -> None:
    run = a_run(tmp_path / "r", {"step": 1, "mse": 1.0}, validation=[{"step": 1, "psnr-y": 30.0}])
    assert panels([read_curves(run)])[-1].unit == ""
    write_scores(run / "scores.json", [row("r", 30.0)])
    assert panels([read_curves(run)])[-1].unit == "dB"


@pytest.mark.parametrize(
    ("values", "log"),
    [((1.0, 0.1), True), ((1.0, 0.5), False), ((1.0, 0.0), False), ((-1.0, 9.0), False), ((1.0, 1e-9), False)],
)
def test_a_logarithmic_axis_where_it_shows_more(tmp_path: Path, values: tuple[float, float], log: bool) -> None:
    run = a_run(tmp_path / "r", *({"step": step, "mse": value} for step, value in enumerate(values)))
    assert panels([read_curves(run)])[0].log is log


numbers = st.one_of(st.none(), st.floats(-1e6, 1e6))


@given(st.lists(numbers, max_size=60), st.integers(0, 6))
def test_smoothing_stays_within_its_neighbours_and_keeps_gaps(values: list[float | None], half: int) -> None:
    series = Series(tuple(range(len(values))), tuple(values))
    found = smoothed(series, 2 * half + 1).values
    for place, (before, after) in enumerate(zip(values, found, strict=True)):
        assert (before is None) == (after is None)
        near = [one for one in values[max(0, place - half) : place + half + 1] if one is not None]
        if after is not None:
            assert min(near) - 1e-6 <= after <= max(near) + 1e-6
    assert half or found == series.values


def test_a_straight_line_stays_one_but_for_its_end() -> None:
    line = Series(tuple(range(50)), tuple(float(one) for one in range(50)))
    assert smoothed(line, 9).values[:46] == pytest.approx(line.values[:46])
    assert smoothed(line, 9).values[-1] == pytest.approx(math.fsum(range(45, 50)) / 5)


def test_short_lines_are_not_smoothed() -> None:
    for count in (1, SMOOTHED_FROM - 1, SMOOTHED_FROM, 10_000):
        span = smoothing_span(Series(tuple(range(count)), (1.0,) * count))
        assert span % 2 == 1 and (span > 1) == (count >= SMOOTHED_FROM)


def test_a_scatter_has_the_models_that_were_judged_alike_once_each() -> None:
    rows = [row("bicubic", 28.0, 0.3), row("a", 30.0, 0.2), row("bicubic", 28.0, 0.3), row("b", 31.0)]
    rows += [row("c", 33.0, 0.1, photo="other.png"), row("inf", None, 0.0)]
    (found,) = scatters(rows)
    assert [(one.model, one.x, one.y) for one in found.points] == [("bicubic", 28.0, 0.3), ("a", 30.0, 0.2)]
    assert (found.x, found.y) == ("psnr-y", "lpips") and found.set == "set5, x2, 1 photos, LR by box"
    assert scatters([row("a", 30.0), row("b", 31.0)]) == []
