"""Names of strangers do nothing to a terminal, a table or a page, whichever command meets them; pages name no places."""

from __future__ import annotations

import csv
import io
import json
import os
import re
import shutil
import sys
from pathlib import Path

import pytest

from srkit.printable import printable_lines
from tests.cli.conftest import TINY, Command, Said, photo

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="Windows lets no file be called so")

NAME = "=e\x1b[2J\u202evil\nerror: <b>|`$x$`"
"""Clears the screen, turns the line round, begins another, a formula, markup of three kinds."""


@pytest.fixture(autouse=True)
def own_cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))


@pytest.fixture
def named(workplace: Path) -> Path:
    """A workplace whose run, folder and photos have such names, in front of what its files say."""
    run = workplace / "runs" / NAME
    (workplace / "runs" / "espcn").rename(run)
    shutil.copytree(workplace / "photos", workplace / NAME)
    (workplace / NAME / "a.png").rename(workplace / NAME / f"{NAME}.png")
    scores = json.loads((run / "scores.json").read_text(encoding="utf-8"))
    for row in scores["rows"]:
        row["model"] = row["model"].replace("espcn", NAME)
        row |= {"set": NAME, "warnings": [f"see {NAME}"], "per_image": {NAME: row["per_image"]["a.png"]}}
    (run / "scores.json").write_text(json.dumps(scores), encoding="utf-8")
    return workplace


def unseen(said: Said) -> list[str]:
    """What a command printed that must not be printed, and lines that begin as its own do."""
    both = said.out + said.err
    return [one for one in both if printable_lines(one) != one] + re.findall(r"(?m)^error: <b>.*", both)


RUN = f"runs/{NAME}"

COMMANDS = {
    "bench": ["bench", RUN, "bicubic", "--on", NAME, "--per-image"],
    "bench markdown": ["bench", RUN, "bicubic", "--on", NAME, "--per-image", "--format", "markdown"],
    "bench latex": ["bench", RUN, "bicubic", "--on", NAME, "--per-image", "--format", "latex"],
    "bench csv": ["bench", RUN, "bicubic", "--on", NAME, "--per-image", "--format", "csv"],
    "bench json": ["bench", RUN, "bicubic", "--on", NAME, "--format", "json"],
    "table": ["table", RUN],
    "report": ["report", RUN, "--on", NAME],
    "export": ["export", RUN],
    "inspect": ["inspect", RUN],
    "upscale": ["upscale", NAME, "--model", RUN, "--out", "large"],
    "strip": ["strip", RUN, "--on", NAME],
    "animate": ["animate", RUN, "bicubic", "--on", NAME, "--out", "moving"],
    "curves": ["curves", RUN],
    "data": ["data", "tiny.toml", "--set", f'data.train="{NAME.encode("unicode_escape").decode()}"'],
    "prepare": ["prepare", NAME, "--out", "cut", "--patch-size", "16"],
    "check": ["check", f"{NAME}.toml"],
    "run, no such file": ["run", f"{NAME}.toml"],
    "no such command": [NAME],
    "no such option": ["list", f"--{NAME[1:]}"],
    "no such kind": ["list", NAME],
    "no such component": ["show", "generators", NAME],
    "no such model": ["upscale", "photos", "--model", NAME, "--out", "other"],
    "no such value": ["check", "tiny.toml", "--set", f"generator.use={NAME}"],
}

SILENT = ("report", "inspect", "curves", "data", "prepare")
"""Say nothing of names where all is well."""


@pytest.mark.parametrize("command", COMMANDS)
def test_names_do_nothing_to_a_terminal(command: str, named: Path, srkit: Command) -> None:
    said = srkit(*COMMANDS[command])
    assert not unseen(said), said
    assert "Traceback" not in said.err and "bug" not in said.err, said.err
    assert command in SILENT or "vil" in said.out + said.err


@pytest.mark.parametrize("width", ["60", "80", "160"])
def test_a_table_keeps_its_columns(width: str, named: Path, srkit: Command, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COLUMNS", width)
    lines = srkit("bench", RUN, "bicubic", "--on", NAME).out.splitlines()
    assert max(map(len, lines)) <= int(width)
    begin = {line.index("PSNR-Y") for line in lines if "PSNR-Y (" in line}
    (row,) = [line for line in lines if line.startswith("bicubic") and "+" not in line[: min(begin)]][:1]
    assert row[min(begin) - 1] == " " and row[min(begin)] != " "


def test_a_message_in_colour_and_a_progress_are_clean_too(
    named: Path, srkit: Command, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("FORCE_COLOR", "1")
    said = srkit("run", "tiny.toml", "--out", f"runs/{NAME} 2")
    colours = r"\x1b\[[0-9;?]*[A-Za-z]"
    clear = {"\x1b[2J"} & set(re.findall(colours, said.out + said.err))
    assert said.code == 0 and not clear
    assert not unseen(Said(0, re.sub(colours, "", said.out), re.sub(rf"{colours}|\r", "", said.err)))


def test_a_spreadsheet_computes_nothing(named: Path, srkit: Command) -> None:
    said = srkit("bench", RUN, "bicubic", "--on", NAME, "--format", "csv")
    assert said.code == 0, said.err
    head, *lines = csv.reader(io.StringIO(said.out))
    assert len(lines) == 2 and {len(line) for line in lines} == {len(head)}
    for cell in (cell for line in lines for cell in line if cell.startswith(("=", "+", "-", "@"))):
        float(cell)
    assert lines[0][head.index("model")].startswith("'=e\\x1b[2J\\u202evil\\nerror: ")


def test_a_name_that_is_not_text_is_printed_and_kept(workplace: Path, srkit: Command) -> None:
    folder = os.fsdecode(b"photos-\xff")
    try:
        photo(workplace / folder / "a.png")
    except OSError:
        pytest.skip("this file system takes text alone")
    said = srkit("bench", "runs/espcn", "bicubic", "--on", folder, "--format", "json")
    assert said.code == 0, said.err
    assert json.loads(said.out)["rows"][0]["set"] == folder


def test_a_plugins_words_are_only_words(srkit: Command, monkeypatch: pytest.MonkeyPatch) -> None:
    from srkit.registry import KINDS, Registry
    from srkit.registry.discovery import Entry

    hostile = Entry(KINDS["metrics"], NAME, f"nowhere:{NAME}", f"dist{NAME}", NAME, (NAME,), NAME)
    registry = Registry([*Registry.installed().entries(), hostile])
    monkeypatch.setattr(Registry, "installed", lambda: registry)
    for arguments in (["list"], ["list", "metrics"], ["show", "metrics", NAME], ["doctor"]):
        said = srkit(*arguments)
        assert not unseen(said), said


def test_a_page_says_nothing_of_this_machine_unless_asked(workplace: Path, home: Path, srkit: Command) -> None:
    manifest = Path("runs/espcn/manifest.json")
    facts = json.loads(manifest.read_text(encoding="utf-8"))
    facts |= {"user": "ann-smith", "warnings": [f"left out: {workplace}/photos/b.png, {home}/c d/e.png"]}
    facts["sessions"][0] |= {"host": "anns-laptop", "command": ["run", f"{workplace}/tiny.toml"]}
    manifest.write_text(json.dumps(facts), encoding="utf-8")
    for arguments in (["runs/espcn"], [str(workplace / "runs" / "espcn"), "--on", str(workplace / "photos")]):
        assert srkit("report", *arguments, "--overwrite").code == 0
        text = Path("report.html").read_text(encoding="utf-8")
        for place in (str(workplace), str(home), sys.prefix, "ann-smith", "anns-laptop"):
            assert place not in text, place
        assert "path = &quot;photos&quot;" in text and "srkit run tiny.toml" in text
    assert srkit("report", "runs/espcn", "--with-paths", "--overwrite").code == 0
    text = Path("report.html").read_text(encoding="utf-8")
    assert re.search("path = &quot;/.*/photos&quot;", text) and "anns-laptop" in text


@pytest.mark.parametrize("form", ["markdown", "latex", "csv", "json"])
def test_a_table_for_others_says_nothing_of_this_machine_unless_asked(
    form: str, workplace: Path, srkit: Command
) -> None:
    photo(workplace / "held" / "b.png")
    shutil.rmtree(workplace / "photos")
    asked = ["bench", "runs/espcn", "bicubic", "--on", "held", "--format", form]
    said = srkit(*asked)
    assert said.code == 0 and str(workplace) not in said.out, said
    shown = "\\" not in str(workplace) and "_" not in str(workplace) and form in ("markdown", "latex", "json")
    assert not shown or str(workplace) in srkit(*asked, "--with-paths").out


def test_an_experiments_labels_are_only_labels(workplace: Path, srkit: Command) -> None:
    label = json.dumps(NAME)
    text = TINY.replace('[generator]\nuse = "espcn"\nchannels = 2\n', "") + (
        f'[matrix]\ngenerator = [{{ label = {label}, use = "espcn", channels = 2 }}, {{ use = "bicubic" }}]\n'
    )
    Path("study.toml").write_text(text, encoding="utf-8")
    said = srkit("check", "study.toml")
    assert not unseen(said), said
