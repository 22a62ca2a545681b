"""Experiment files as Windows writes them: paths with backslashes, encodings that are not UTF-8."""

from __future__ import annotations

from pathlib import Path

import pytest

from srkit.errors import ExperimentError, UserError
from srkit.experiment.settings import parse_setting
from srkit.experiment.single import table_of
from srkit.experiment.tree import read_tree

TEXT = 'scale = 2\n[data]\ntrain = {}\n[generator]\nuse = "espcn"\n'


def read(folder: Path, content: str | bytes) -> dict[str, object]:
    path = folder / "x.toml"
    path.write_bytes(content if isinstance(content, bytes) else content.encode())
    return read_tree(path, "x.toml").values


@pytest.mark.parametrize("path", [r"C:\Users\me", r"C:\photos", r"D:\x", r"..\up", r"\\server\share"])
def test_an_escape_that_there_is_not_is_told_with_how_to_write_a_path(path: str, tmp_path: Path) -> None:
    with pytest.raises(ExperimentError) as caught:
        read(tmp_path, TEXT.format(f'"{path}"'))
    (problem,) = caught.value.problems
    assert problem.line == 3 and "not TOML" in problem.message and "single quotes: 'D:\\new'" in problem.hint


@pytest.mark.parametrize(
    ("path", "meant"),
    [
        (r"D:\new", r"D:\new"),
        (r"C:\temp\fine", r"C:\temp\fine"),
        (r"photos\new", r"photos\new"),
        (r"E:\bilder", r"E:\bilder"),
    ],
)
@pytest.mark.parametrize("form", ['"{}"', '["ok", "{}"]', '{{ use = "folder", path = "{}" }}'])
def test_an_escape_that_there_is_is_told_too(path: str, meant: str, form: str, tmp_path: Path) -> None:
    with pytest.raises(ExperimentError) as caught:
        read(tmp_path, TEXT.format(form.format(path)))
    (problem,) = caught.value.problems
    assert problem.line == 3 and problem.key.startswith("data.train") and meant in problem.message
    assert "single quotes" in problem.hint


@pytest.mark.parametrize(
    "written", [r"'D:\new'", '"D:/new"', r'"D:\\new"', '"a photo"', "'two words,\\nand no line end'"]
)
def test_what_is_written_rightly_is_taken(written: str, tmp_path: Path) -> None:
    assert read(tmp_path, TEXT.format(written))["scale"] == 2


@pytest.mark.parametrize(
    "line", ['label = "dense\\n64"', 'name = "one\\ntwo"', 'text = """foo\n"""', 'note = "a:\\tb"']
)
def test_a_text_that_is_no_path_may_hold_what_it_likes(line: str, tmp_path: Path) -> None:
    assert read(tmp_path, f"{line}\n")


@pytest.mark.parametrize("line", ['x = "..\\train data"', 'weights = "D:\\new.pth"'])
def test_where_a_text_begins_as_a_path_it_is_one_under_any_key(line: str, tmp_path: Path) -> None:
    with pytest.raises(ExperimentError, match="single quotes"):
        read(tmp_path, f"{line}\n")


@pytest.mark.parametrize("encoding", ["utf-16", "utf-16-le", "utf-16-be"])
def test_utf_16_is_called_so(encoding: str, tmp_path: Path) -> None:
    with pytest.raises(UserError, match=r"x.toml: it is written in UTF-16; TOML is UTF-8. Save it again"):
        read(tmp_path, TEXT.format('"bücher"').encode(encoding))
    with pytest.raises(UserError, match="is written in UTF-16"):
        read(tmp_path, TEXT.format('"photos"').encode(encoding))


def test_latin_1_is_told_by_its_line(tmp_path: Path) -> None:
    with pytest.raises(UserError, match=r'x.toml:3: not UTF-8: train = "bücher". It may be latin-1'):
        read(tmp_path, TEXT.format('"bücher"').encode("latin-1"))
    assert read(tmp_path, TEXT.format('"bücher"').encode("utf-8-sig"))["scale"] == 2


@pytest.mark.parametrize(
    ("setting", "said"),
    [
        (r'data.train="D:\new"', r"seems to be the path D:\new"),
        (r'data.train=["ok", "photos\temp"]', r"seems to be the path photos\temp"),
        (r'data.train={ use = "folder", path = "C:\folder" }', r"seems to be the path C:\folder"),
        (r'data.train="C:\Users"', "is not a TOML value"),
    ],
)
def test_a_setting_with_backslashes_gets_the_same_way_out(setting: str, said: str) -> None:
    with pytest.raises(ExperimentError) as caught:
        parse_setting(setting)
    (problem,) = caught.value.problems
    assert said in problem.message and "single quotes" in problem.hint and problem.key.startswith("data.train")


@pytest.mark.parametrize("setting", [r"data.train='D:\new'", r"data.train=D:\new", r'label="dense\n64"'])
def test_a_setting_that_is_written_rightly_is_taken(setting: str) -> None:
    assert parse_setting(setting)[1] in (r"D:\new", "dense\n64")


@pytest.mark.parametrize("typed", [r'{ use = "folder", path = "D:\new" }', r'{ use = "folder", path = "C:\Users" }'])
def test_a_typed_component_with_backslashes_gets_the_same_way_out(typed: str) -> None:
    with pytest.raises(UserError, match="single quotes"):
        table_of(typed, "--downscaler")
