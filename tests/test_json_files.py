"""JSON of any kind: read, or refused in a sentence that names the file."""

from __future__ import annotations

from pathlib import Path

import msgspec
import pytest

from srkit.errors import UserError
from srkit.json_files import as_type, parsed, read_object


def test_an_object_is_read(tmp_path: Path) -> None:
    (tmp_path / "x.json").write_text('{"a": [{"b": null}], "c": 1.5}')
    assert read_object(tmp_path / "x.json") == {"a": [{"b": None}], "c": 1.5}


@pytest.mark.parametrize(
    ("text", "why"),
    [
        (b"", "Expecting value"),
        (b"{", "Expecting property"),
        (b"[]", "a list in place of an object"),
        (b"null", "null in place of an object"),
        (b"1e400", "a number in place of an object"),
        (b"[" * 100_000, "nested too deep"),
        (b'{"a":' * 500 + b"1" + b"}" * 500, "nested too deep"),
        (b'{"a": ' + b"1" * 10_000 + b"}", "limit"),
        (b"\xff", "utf-8"),
    ],
)
def test_anything_else_is_refused_by_name(tmp_path: Path, text: bytes, why: str) -> None:
    path = tmp_path / "x.json"
    path.write_bytes(text)
    with pytest.raises(UserError, match=rf"x\.json cannot be read: .*{why}"):
        read_object(path)
    with pytest.raises(UserError, match=r"x\.json: not a scores\.json: "):
        read_object(path, "a scores.json")


def test_what_is_larger_than_any_that_srkit_writes_is_not_even_read(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("srkit.json_files.LARGEST", 10)
    (tmp_path / "x.json").write_text('{"a": "bcdefgh"}')
    with pytest.raises(UserError, match="larger than anything"):
        read_object(tmp_path / "x.json")
    with pytest.raises(UserError, match=r"none: cannot be read: No such file"):
        read_object(tmp_path / "none")


def test_a_line_that_is_too_deep_is_a_value_error_as_any_other() -> None:
    with pytest.raises(ValueError, match="nested too deep"):
        parsed("[" * 100_000)


def test_a_form_is_required_and_the_place_named(tmp_path: Path) -> None:
    class Form(msgspec.Struct):
        names: list[str]

    assert as_type({"names": ["a"], "more": 1}, Form, tmp_path).names == ["a"]
    with pytest.raises(UserError, match=r"Expected `str`, got `int` - at `\$\.names\[1\]`"):
        as_type({"names": ["a", 1]}, Form, tmp_path)
