"""Everything that is wrong with a file, at once, and in the forms that scripts read."""

from __future__ import annotations

import json
import os
from pathlib import Path

import pytest

from tests.cli.conftest import Command, photo

KEYS = {"file", "line", "key", "message", "hint", "severity"}


def test_a_sound_file(workplace: Path, srkit: Command) -> None:
    photo(workplace / "held" / "other.png")
    own = ("--set", "data.validate=held")
    assert srkit("check", "tiny.toml", *own).out == "tiny.toml: ok\n"
    assert json.loads(srkit("check", "tiny.toml", "--json", *own).out) == []
    assert srkit("check", "runs/espcn").code == 0


def test_all_problems_of_all_files_in_one_list(workplace: Path, srkit: Command) -> None:
    (workplace / "bad.toml").write_text('scal = 2\n[generator]\nuse = "espnc"\n')
    (workplace / "no.toml").write_text("scale = = 2\n")
    (workplace / "binary.toml").write_bytes(os.urandom(20) + b"\xff")
    said = srkit("check", "bad.toml", "no.toml", "binary.toml", "missing.toml", ".", "tiny.toml", "--json")
    assert said.code == 2
    problems = json.loads(said.out)
    assert all(set(one) == KEYS for one in problems)
    assert {one["file"] for one in problems if one["severity"] == "error"} == {
        "bad.toml", "no.toml", "binary.toml", "missing.toml", "."
    }  # fmt: skip
    (unknown,) = [one for one in problems if one["key"] == "scal"]
    assert (unknown["line"], unknown["hint"]) == (1, "Did you mean 'scale'?")
    (name,) = [one for one in problems if one["key"] == "generator.use"]
    assert name["line"] == 3 and "Did you mean 'espcn'?" in name["hint"]


def test_plain_lines_say_the_same(workplace: Path, srkit: Command) -> None:
    (workplace / "bad.toml").write_text('scal = 2\n[generator]\nuse = "espnc"\n')
    said = srkit("check", "bad.toml", "missing.toml")
    assert said.code == 2
    assert "bad.toml:1 scal: unknown key. Did you mean 'scale'?" in said.out
    assert "bad.toml:3 generator.use: no generator 'espnc'." in said.out
    assert "missing.toml: there is no such experiment file" in said.out
    assert len(set(said.out.splitlines())) == len(said.out.splitlines())


@pytest.mark.parametrize(
    ("setting", "message"),
    [
        ("nonsense", "--set: expected KEY=VALUE, found 'nonsense'"),
        ("generator.chanels=3", "Did you mean 'channels'?"),
        ("data.patch_size=big", "--set data.patch_size: found the text 'big', expected a whole number >= 1"),
        ("steps=0", "expected a whole number >= 1"),
    ],
)
def test_settings_are_checked_alike(setting: str, message: str, workplace: Path, srkit: Command) -> None:
    said = srkit("check", "tiny.toml", "--set", setting)
    assert said.code == 2
    assert message in said.out


def test_run_says_all_problems_too_each_marked_as_error(workplace: Path, srkit: Command) -> None:
    (workplace / "bad.toml").write_text('scal = 2\n[generator]\nuse = "espnc"\n')
    said = srkit("run", "bad.toml")
    assert said.code == 2
    assert not said.out
    lines = said.err.splitlines()
    assert len(lines) > 3 and all(line.startswith("error: ") for line in lines)
    assert len(set(lines)) == len(lines)
