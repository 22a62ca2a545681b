"""Whatever is wrong with TOML is one kind of error, and one message of the commands that read it."""

from __future__ import annotations

from pathlib import Path

import pytest

from srkit.toml_files import NotToml, parsed_toml
from tests.cli.conftest import Command, srkit

__all__ = ["srkit"]


@pytest.fixture
def workplace(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder to stand in."""
    monkeypatch.chdir(tmp_path)
    return tmp_path


WRONG = [
    ("a = 1\nb = ", "Invalid value", 2),
    ("a = 1\nb = " + "9" * 5000, "thousands of digits", 2),
    ("a = 1\nb = " + "9_" * 5000 + "9", "thousands of digits", 2),
    ("a = " + "[" * 20_000, "nested too deep", None),
    ("a." * 20_000 + "b = 1", "nested too deep", None),
]


@pytest.mark.parametrize(("text", "why", "line"), WRONG)
def test_what_is_no_toml(text: str, why: str, line: int | None) -> None:
    with pytest.raises(NotToml, match=why) as error:
        parsed_toml(text)
    assert error.value.line == line


@pytest.mark.parametrize(("text", "why", "line"), WRONG)
def test_commands_say_it_in_a_short_message(
    text: str, why: str, line: int | None, workplace: Path, srkit: Command
) -> None:
    (workplace / "wrong.toml").write_text(text)
    place = "wrong.toml" if line is None else f"wrong.toml:{line}"
    for words in (
        ("check", "wrong.toml"),
        ("run", "wrong.toml"),
        ("bench", "bicubic", "--scale", "2", "--suite", "wrong.toml"),
    ):
        said = srkit(*words)
        spoken = said.out + said.err
        assert said.code == 2 and place in spoken and why in spoken and len(spoken) < 600, spoken


def test_numbers_of_thousands_of_digits_on_the_command_line(workplace: Path, srkit: Command) -> None:
    (workplace / "right.toml").write_text("scale = 2\n")
    said = srkit("check", "right.toml", "--set", "seed=" + "9" * 5000)
    assert said.code == 2 and "--set seed: found the text" in said.out and "bug" not in said.out + said.err
