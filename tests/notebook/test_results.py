"""`srkit.run` and `srkit.bench` give what shows itself: the command line's numbers as text, as HTML, as a picture."""

from __future__ import annotations

import base64
import io
import json
import re
from html.parser import HTMLParser
from pathlib import Path

import numpy as np
import pytest
import torch
from click.testing import CliRunner
from IPython.core.formatters import DisplayFormatter
from PIL import Image

import srkit
from srkit.cli.main import cli
from srkit.notebook.training import RunResult


class Page(HTMLParser):
    """The cells and pictures of a page, and its elements that were not closed."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.rows: list[list[str]] = []
        self.pictures: list[str] = []
        self.open: list[str] = []
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        if tag == "img":
            self.pictures.append(dict(attrs)["src"] or "")
            return
        self.open.append(tag)
        if tag == "tr":
            self.rows.append([])
        if tag in ("td", "th"):
            self.rows[-1].append("")

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag

    def handle_data(self, data: str) -> None:
        if {"td", "th"} & set(self.open):
            self.rows[-1][-1] += data


def html_of(value: object) -> str:
    """What a notebook would show of a value."""
    forms, _ = DisplayFormatter().format(value)
    return str(forms["text/html"])


@pytest.fixture
def result(folder: Path) -> RunResult:
    return srkit.run("tiny.toml", steps=2, generator={"channels": 3}, out="runs/<b>&", device="cpu", quiet=True)


def test_a_run_shows_its_table_and_its_picture(result: RunResult, folder: Path) -> None:
    kept = json.loads((folder / "runs/<b>&/scores.json").read_text())["rows"]
    page = Page(html_of(result))
    assert page.open == []
    assert [row[0] for row in page.rows] == ["model", "bicubic", "<b>&"]
    assert page.rows[0][1:3] == ["PSNR-Y (dB)", "SSIM-Y"]
    for row, scores in zip(page.rows[1:], kept, strict=True):
        assert row[1].startswith(f"{scores['metrics']['psnr-y']['mean']:.2f}")
    (picture,) = page.pictures
    shown = Image.open(io.BytesIO(base64.b64decode(picture.removeprefix("data:image/png;base64,"))))
    assert np.array_equal(np.asarray(shown), np.asarray(result.picture()))
    assert result.picture().size == Image.open(next((folder / "runs/<b>&/strips").glob("*.png"))).size


def test_in_a_shell_it_is_the_table(result: RunResult) -> None:
    text = repr(result)
    assert re.search(r"^model +PSNR-Y \(dB\) +SSIM-Y", text, re.MULTILINE)
    assert re.search(r"^bicubic +\d", text, re.MULTILINE) and "\x1b" not in text
    assert text.endswith(f"run folder: {Path('runs') / '<b>&'}")


def test_it_knows_scores_settings_and_model(result: RunResult, folder: Path) -> None:
    assert result.steps == 2 and result.scores.keys() == {"psnr-y", "ssim-y"}
    assert "channels = 3" in (folder / "runs/<b>&/experiment.toml").read_text()
    assert result.model(torch.zeros(1, 3, 4, 5)).shape == (1, 3, 8, 10)


def test_a_run_that_nothing_judges_says_so(folder: Path) -> None:
    text = (folder / "tiny.toml").read_text().replace('validate = "photos"\n', "")
    (folder / "tiny.toml").write_text(text)
    result = srkit.run("tiny.toml", device="cpu", quiet=True)
    assert "nothing judges this run" in repr(result) and "nothing judges this run" in html_of(result)
    assert result.scores == {} and Page(html_of(result)).pictures == []


def test_benchmarks_are_tables_of_the_command_s_numbers(result: RunResult, folder: Path) -> None:
    judged = srkit.bench(result, "bicubic", on=Path("photos"), metric="psnr-y", device="cpu")
    words = ["bench", str(result.folder), "bicubic", "--on", "photos", "--metric", "psnr-y", "--format", "json"]
    told = json.loads(CliRunner().invoke(cli, words).stdout)["rows"]
    assert [row["metrics"] for row in judged.rows] == [row["metrics"] for row in told]
    page = Page(html_of(judged))
    # it trained on this photo, which its dagger says
    assert [row[0] for row in page.rows] == ["model", "<b>& †", "bicubic"] and page.open == []
    assert re.search(r"^bicubic +\d", repr(judged), re.MULTILINE)
    assert "| bicubic |" in str(DisplayFormatter().format(judged)[0]["text/markdown"])
