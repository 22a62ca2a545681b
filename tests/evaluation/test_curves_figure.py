"""The picture of curves: it can be drawn whatever runs are called, and says what is missing."""

from __future__ import annotations

import io
import sys
import warnings

import pytest
from PIL import Image

from srkit.errors import UserError
from srkit.evaluation.curves import Line, Panel, Point, Scatter, Series
from srkit.evaluation.curves_figure import DPI, PANEL_SIZE, curves_figure
from srkit.evaluation.rows import MetricMean


def a_panel(*runs: str, count: int = 3) -> Panel:
    series = Series(tuple(range(count)), tuple(None if one == 1 else 1.0 + one for one in range(count)))
    return Panel("loss", "", tuple(Line(run, part, series) for run in runs for part in ("real", "fake")), noisy=True)


def test_any_names_any_number_of_runs_and_gaps_can_be_drawn() -> None:
    pytest.importorskip("matplotlib", reason="the extra `figures` is not installed")
    runs = ["_hidden", "$formula$", *(f"run {one}" for one in range(8))]
    points = tuple(Point(run, 30.0 + place % 2 * 0.01, 0.2) for place, run in enumerate(runs))
    scatter = Scatter("set5, x2", "psnr-y", "lpips", MetricMean(None, "dB", True), MetricMean(None, "", False), points)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        warnings.filterwarnings("ignore", module="matplotlib")  # of an older one about what it is built on
        made = curves_figure("10 runs", [a_panel(*runs), a_panel(*runs, count=130)], [scatter], runs)
    with Image.open(io.BytesIO(made)) as picture:
        assert picture.format == "PNG" and picture.width == round(3 * PANEL_SIZE[0] * DPI)


def test_without_matplotlib_it_says_how_to_get_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "matplotlib.figure", None)
    with pytest.raises(UserError, match=r"pip install 'srkit\[figures\]'"):
        curves_figure("r", [a_panel("r")], [], ["r"])
