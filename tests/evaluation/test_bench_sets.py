"""Sets: photos shrunk by a recipe, pairs, suites that hold what they promise."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image

from srkit.draws import SampleDraws, StreamKey
from srkit.errors import ExperimentError, UserError
from srkit.evaluation.bench.gallery import look
from srkit.evaluation.bench.recipes import recipe_of
from srkit.evaluation.bench.sets import GIVEN, pair_set
from srkit.evaluation.bench.suites import read_suite, suite_set, verify
from srkit.experiment.single import table_of
from tests.evaluation.bench_support import REGISTRY, picture, quiet, set_of, write_pictures

SUITE = """
[[set]]
name = "Made"
hr = "hr"
lr = "lr_x{scale}"
downscaler = "box"
scales = [2]
images = 3

[[set]]
name = "Spoiled"
hr = "hr"
degradation = [{ use = "jpeg", quality = [30, 60] }]
scales = [2, 4]
border = 6
"""


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    write_pictures(tmp_path / "hr", 3)
    (tmp_path / "lr_x2").mkdir()
    for number in range(3):
        small = Image.fromarray(picture(number)).resize((22, 18), Image.Resampling.BOX)
        small.save(tmp_path / "lr_x2" / f"{number:02}x2.png")
    (tmp_path / "suite.toml").write_text(SUITE)
    return tmp_path


def test_degradations_are_drawn_from_the_seed_and_the_photo(folder: Path) -> None:
    spoiled = set_of(folder / "hr", downscaler="box", degradation=[{"use": "noise", "sigma": [5, 20]}])
    assert torch.equal(spoiled.photo(1).lr, spoiled.photo(1).lr)
    maker = spoiled.maker
    assert maker is not None and spoiled.degradations[0].startswith("noise")
    original = spoiled.photo(1).hr
    assert original is not None
    expected = maker(original[None].float() / 255, lambda name: SampleDraws(StreamKey(0, 0, 0), [1], name))
    assert torch.equal(spoiled.photo(1).lr, (expected[0] * 255).round().to(torch.uint8))


def test_pairs_are_matched_by_name(folder: Path) -> None:
    pairs = pair_set("made", folder / "hr", folder / "lr_x2", 2, REGISTRY)
    assert pairs.downscaler == GIVEN and pairs.shrink is None and len(pairs) == 3
    assert [pairs.dataset.name(one) for one in range(3)] == ["00.png", "01.png", "02.png"]
    assert pairs.photo(2).lr.shape == (3, 18, 22)
    for number in range(3):
        (folder / "lr_x2" / f"{number:02}x2.png").rename(folder / "lr_x2" / f"{number:02}.png")
    with pytest.raises(UserError, match="are no pair at scale 3"):
        look(pair_set("made", folder / "hr", folder / "lr_x2", 3, REGISTRY), 1, quiet)


def test_broken_photos_are_all_named(folder: Path) -> None:
    (folder / "hr" / "bad.png").write_text("no picture")
    Image.fromarray(picture(1, (3, 3))).save(folder / "hr" / "tiny.png")
    with pytest.raises(UserError) as error:
        look(set_of(folder / "hr"), 2, quiet)
    assert "2 photos cannot be used" in str(error.value)
    assert "bad.png: " in str(error.value) and "tiny.png: 3x3 pixels are too small" in str(error.value)


def test_a_suite_names_sets_with_their_protocol(folder: Path) -> None:
    made, spoiled = read_suite(folder / "suite.toml")
    pairs = suite_set(made, 2, folder / "suite.toml", REGISTRY)
    assert (pairs.downscaler, pairs.border, pairs.shrink is not None) == ("box, given", 2, True)
    shrunk = suite_set(spoiled, 4, folder / "suite.toml", REGISTRY)
    assert shrunk.border == 6 and shrunk.downscaler == "matlab-bicubic"
    assert shrunk.degradations[0].startswith("jpeg (quality 30..60")


def test_a_suite_holds_its_hash(folder: Path) -> None:
    file = folder / "suite.toml"
    made = read_suite(file)[0]
    (said,) = verify(made, suite_set(made, 2, file, REGISTRY), file)
    digest = said.rpartition("= ")[2].strip('"')
    file.write_text(SUITE.replace("images = 3", f'images = 3\nsha256 = "{digest}"'))
    assert verify(read_suite(file)[0], suite_set(made, 2, file, REGISTRY), file) == []
    for number in range(3):  # the same pixels in another format
        Image.open(folder / "hr" / f"{number:02}.png").save(folder / "hr" / f"{number:02}.bmp")
        (folder / "hr" / f"{number:02}.png").unlink()
    assert verify(read_suite(file)[0], suite_set(made, 2, file, REGISTRY), file) == []
    Image.fromarray(picture(9)).save(folder / "hr" / "01.bmp")
    with pytest.raises(UserError, match="are not those the suite was written for"):
        verify(read_suite(file)[0], suite_set(made, 2, file, REGISTRY), file)
    write_pictures(folder / "hr", 1, first=7)
    Image.fromarray(picture(7)).resize((22, 18)).save(folder / "lr_x2" / "07x2.png")
    with pytest.raises(UserError, match="has 4 pictures, and the suite says 3"):
        verify(read_suite(file)[0], suite_set(made, 2, file, REGISTRY), file)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("x = = 1", "suite.toml:1: not TOML"),
        ("", r"A suite is one or several \[\[set\]\] tables"),
        ('[[sets]]\nname = "a"', "unknown key 'sets'"),
        ('[[set]]\nname = "a"', "missing required field `hr`"),
        ('[[set]]\nname = "a"\nhr = "b"\nscale = [2]', "set 1 scale: unknown key. Did you mean 'scales'"),
        ('[[set]]\nname = "a"\nhr = "b"\nscales = [0]', "set 1: Expected `int` >= 1"),
        ('[[set]]\nname = "a"\nhr = "b"\n[[set]]\nname = "a"\nhr = "c"', "two sets are called 'a'"),
    ],
)
def test_what_is_wrong_with_a_suite(tmp_path: Path, text: str, message: str) -> None:
    (tmp_path / "suite.toml").write_text(text)
    with pytest.raises(UserError, match=message):
        read_suite(tmp_path / "suite.toml")
    with pytest.raises(UserError, match="there is no suite file"):
        read_suite(tmp_path / "none.toml")


def test_components_are_written_by_name_or_as_a_table(tmp_path: Path) -> None:
    table = table_of('{ use = "lanczos", lobes = 2 }', "--downscaler")
    recipe = recipe_of({"downscaler": table}, REGISTRY, shown_as="--downscaler", folder=tmp_path)
    assert recipe.downscaler == "lanczos (lobes 2)"
    for text, message in (("{ use = ", "not a TOML table"), ("{ lobes = 2 }", "begin with what it is")):
        with pytest.raises(UserError, match=message):
            table_of(text, "--downscaler")
    for wrong, message in (({"use": "lanzcos"}, "Did you mean 'lanczos'"), ({"use": "lanczos", "lobs": 2}, "lobes")):
        with pytest.raises(ExperimentError, match=message):
            recipe_of({"downscaler": wrong}, REGISTRY, shown_as="--downscaler", folder=tmp_path)


@given(st.text("abc-_.:/", min_size=1))
def test_whatever_is_no_table_is_a_name(text: str) -> None:
    assert table_of(text, "--metric") == {"use": text}


def test_the_shipped_suite_is_sound() -> None:
    file = Path(__file__).parents[2] / "experiments" / "suites" / "published.toml"
    assert [one.name for one in read_suite(file)] == ["Set5", "Set14", "BSD100", "Urban100", "DIV2K validation"]
    for one in read_suite(file):
        assert one.images is not None and one.border is None
        made_by = recipe_of({"downscaler": one.downscaler}, REGISTRY, shown_as=one.name, folder=file.parent)
        assert made_by.downscaler == "matlab-bicubic"


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (b'[[set]]\nname = "a"\nhr = "D:\\new"\n', r"seems to be the path D:\\new"),
        (b'[[set]]\nname = "a"\nhr = "C:\\Users"\n', "single quotes"),
        ('[[set]]\nname = "b\u00fc"\nhr = "x"\n'.encode("latin-1"), r"s.toml:2: not UTF-8.*latin-1"),
        ('[[set]]\nname = "a"\nhr = "x"\n'.encode("utf-16"), "is written in UTF-16"),
        (b"x = " + b"[" * 3000 + b"]" * 3000, "nested too deep"),
        (b'[[set]]\nname = "a"\nhr = "x"\nscalse = [2]\n', r"s.toml:4: set 1 scalse: unknown key.*scales"),
        (b'[[sets]]\nname = "a"\nhr = "x"\n', r"s.toml:1: unknown key 'sets'.*'set'"),
    ],
)
def test_a_suite_file_is_told_of_as_an_experiment_file_is(content: bytes, said: str, tmp_path: Path) -> None:
    (tmp_path / "s.toml").write_bytes(content)
    with pytest.raises(UserError) as caught:
        read_suite(tmp_path / "s.toml")
    assert re.search(said, str(caught.value), re.DOTALL)
