"""Names that strangers chose mean nothing where they are shown: terminal, CSV, Markdown, LaTeX, HTML."""

from __future__ import annotations

import csv
import html
import io
import json
import re
from pathlib import Path

import pytest

from srkit.studies.folder import Cell, Study, write_study
from tests.cli.conftest import Command
from tests.studies.support import finish_run
from tests.trust.table.ground import Ground
from tests.trust.table.playing import spoken_badly

LABELS = (
    *("\x1b[31mred", "\x1b]0;title\x07", "a\u202eb", "two\nlines", "bell\x07", "\u200bnothing", "nul\x00", "\x9b31m"),
    *("=1+1", "+1+1", "-1+1", "@SUM(A1)", "=cmd|' /C calc'!A0", "\t=1", "-2.5", "+1.56", "1e5"),
    *("<script>alert(1)</script>", "<img src=x onerror=alert(1)>", "&lt;b&gt;", "</title><b>", '" onload="x', "<!--"),
    *("[a](http://host)", "![a](http://host/x.png)", "`code`", "**bold**", "a|b", "# head", "http://host/", "[[x]]"),
    *(
        "\\input{/etc/passwd}",
        "\\write18{touch x}",
        "$x$",
        "100%",
        "a_b^c",
        "~",
        "#1",
        "{a}",
        "a & b \\\\ c",
        "^^5cinput",
    ),
    *("[red]a[/red]", "[link=http://host]a[/link]", "%s", "{0}"),
)
"""Labels of a study's rows."""

NUMBER = re.compile(r"[+-]?(\d+\.?\d*|\.\d+)(e[+-]?\d+)?", re.IGNORECASE)


def study(folder: Path, label: str) -> Path:
    """A finished study of two rows, of which one is called so, as are its images' set and an image."""
    cells = tuple(
        Cell(f"r{row}-seed{seed}", name, seed, {"generator": name}, state="done")
        for seed in (1, 2)
        for row, name in enumerate((label, "plain"))
    )
    folder.mkdir()
    write_study(Study(folder, "s", "s.toml", {"use": "local"}, "", cells))
    for cell in cells:
        finish_run(folder / cell.name, {"a.png": 21.0 + cell.seed, f"{label}.png": 23.5}, seed=cell.seed)
    return folder


@pytest.fixture(params=LABELS, ids=repr)
def label(request: pytest.FixtureRequest) -> str:
    return str(request.param)


def test_a_label_is_only_a_label(label: str, ground: Ground, srkit: Command) -> None:
    folder = study(ground.here / "study", label)
    for form in ("table", "markdown", "csv", "json", "latex"):
        said = srkit("table", str(folder), "--format", form)
        assert said.code in (0, 2), said.err
        assert not list(spoken_badly(said)), form
        if said.code == 0:
            CHECKS[form](said.out, label)
    said = srkit("report", str(folder), "--out", str(ground.out / "page.html"))
    assert not list(spoken_badly(said))
    if said.code == 0:
        is_plain_html((ground.out / "page.html").read_text(encoding="utf-8"), label)


def is_plain_text(text: str, _: str) -> None:
    assert text


def is_plain_csv(text: str, _: str) -> None:
    """No cell is a formula."""
    for row in csv.reader(io.StringIO(text)):
        for cell in row:
            assert cell[:1] not in tuple("=+-@\t\r") or NUMBER.fullmatch(cell), cell


def is_plain_markdown(text: str, label: str) -> None:
    """One line a row, as many cells as the heading, no tag, no link."""
    rows = [line for line in text.splitlines() if line.startswith("|")]
    widths = {len(re.findall(r"(?<!\\)\|", line)) for line in rows}
    assert rows and len(widths) == 1, text
    assert not re.search(r"(?<!\\)<[a-zA-Z/!]", text), text
    assert not re.search(r"(?<!\\)\]\(", text), text
    if "`" in label or "*" in label:
        assert label not in text


def is_json(text: str, _: str) -> None:
    json.loads(text)


def is_plain_latex(text: str, label: str) -> None:
    """No command of theirs, and no character with a meaning."""
    for command in ("input", "write", "include", "openin"):
        assert not re.search(rf"\\{command}(?![a-z])", text), text
    assert "^^5c" not in text
    body = [line for line in text.splitlines() if "&" in line]
    for line in body:
        assert not re.search(r"(?<!\\)[#%]", line), line
        assert len(re.findall(r"(?<!\\)\$", line)) % 2 == 0, line


def is_plain_html(text: str, label: str) -> None:
    """Nothing of theirs is a tag or an attribute."""
    if re.search(r"[<>\"]", label) and html.escape(label) != label:
        assert label not in text
    assert not [one for one in text if not one.isprintable() and one not in "\n\t"]


CHECKS = {
    "table": is_plain_text,
    "markdown": is_plain_markdown,
    "csv": is_plain_csv,
    "json": is_json,
    "latex": is_plain_latex,
}
"""A format -> what must hold of a table in it."""
