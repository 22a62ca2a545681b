"""`srkit upscale`: every picture has its place, nothing is overwritten, what is broken is named."""

from __future__ import annotations

from pathlib import Path

import pytest
from PIL import Image

from tests.cli.conftest import Command, photo

MODEL = ("--model", "runs/espcn")


def test_pictures_become_larger_pngs(workplace: Path, srkit: Command) -> None:
    photo(workplace / "a.jpg", (20, 10))
    said = srkit("upscale", "a.jpg", *MODEL, "--out", "large")
    assert said.code == 0, said.err
    assert Image.open("large/a.png").size == (40, 20)
    assert Image.open("large/a.png").format == "PNG"


def test_two_of_one_name_are_numbered(workplace: Path, srkit: Command) -> None:
    for name in ("x/a.png", "y/a.png", "y/a.jpg", "a-2.png"):
        photo(workplace / name)
    said = srkit("upscale", "x/a.png", "y/a.png", "y/a.jpg", "a-2.png", "x/a.png", *MODEL)
    assert said.code == 0, said.err
    assert sorted(one.name for one in Path("upscaled").iterdir()) == ["a-2-2.png", "a-2.png", "a-3.png", "a.png"]
    assert str(Path("y/a.png")) + " -> " + str(Path("upscaled/a-2.png")) in said.out


def test_names_that_differ_by_case_alone_do_not_meet(workplace: Path, srkit: Command) -> None:
    photo(workplace / "x" / "A.png")
    photo(workplace / "y" / "a.png")
    assert srkit("upscale", "x/A.png", "y/a.png", *MODEL).code == 0
    assert sorted(one.name for one in Path("upscaled").iterdir()) == ["A.png", "a-2.png"]


def test_nothing_is_overwritten_unless_it_is_asked_for(workplace: Path, srkit: Command) -> None:
    photo(workplace / "a.png")
    assert srkit("upscale", "a.png", *MODEL).code == 0
    Path("upscaled/a.png").write_bytes(b"mine")
    said = srkit("upscale", "a.png", *MODEL)
    assert said.code == 2
    assert "is there already; --overwrite replaces it" in said.err
    assert Path("upscaled/a.png").read_bytes() == b"mine"
    assert srkit("upscale", "a.png", *MODEL, "--overwrite").code == 0
    assert Image.open("upscaled/a.png").size == (64, 48)


def test_a_picture_is_never_replaced_by_its_own_result(workplace: Path, srkit: Command) -> None:
    before = photo(workplace / "a.png").read_bytes()
    assert srkit("upscale", "a.png", *MODEL, "--out", ".", "--overwrite").code == 0
    assert Path("a.png").read_bytes() == before
    assert Image.open("a-2.png").size == (64, 48)


def test_broken_ones_are_named_and_the_others_go_on(workplace: Path, srkit: Command) -> None:
    photo(workplace / "good.png")
    Path("broken.png").write_text("no picture")
    said = srkit("upscale", "broken.png", "missing.png", "good.png", *MODEL)
    assert said.code == 2
    assert "error: broken.png" in said.err and "error: missing.png" in said.err
    assert Path("upscaled/good.png").is_file()
    assert not Path("upscaled/broken.png").exists()


def test_a_folder_gives_its_pictures_with_their_places(workplace: Path, srkit: Command) -> None:
    photo(workplace / "all" / "a.png")
    photo(workplace / "all" / "deep" / "b.jpg")
    (workplace / "all" / "notes.txt").write_text("not a picture")
    assert srkit("upscale", "all", *MODEL, "--out", "all/large").code == 0
    assert sorted(one.name for one in Path("all/large").rglob("*.png")) == ["a.png", "b.png"]
    # what lies in --out is no input of the next time
    assert "large" not in srkit("upscale", "all", *MODEL, "--out", "all/large", "--overwrite").out.replace(
        str(Path("all/large")), ""
    )
    assert len(list(Path("all/large").rglob("*.png"))) == 2


def test_a_folder_without_pictures_is_named(workplace: Path, srkit: Command) -> None:
    (workplace / "empty").mkdir()
    said = srkit("upscale", "empty", *MODEL)
    assert said.code == 2
    assert "error: no pictures in empty" in said.err


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--model", "nothing"], "--model nothing: there is no such run"),
        (["--model", "photos"], "neither a run folder nor one of its checkpoints"),
        (["--model", "runs/espcn", "--out", "tiny.toml"], "--out tiny.toml: this folder cannot be made"),
        (["--model", "runs/espcn", "--device", "gpu"], "--device gpu: expected cpu, cuda, cuda:N or mps"),
        ([], "Missing option '--model'"),
    ],
)
def test_what_is_wrong_is_said_before_any_work(
    arguments: list[str], message: str, workplace: Path, srkit: Command
) -> None:
    photo(workplace / "a.png")
    said = srkit("upscale", "a.png", *arguments)
    assert said.code == 2
    assert message in said.err
    assert not said.out


def test_a_checkpoint_is_a_model_too(workplace: Path, srkit: Command) -> None:
    photo(workplace / "a.png")
    (checkpoint,) = Path("runs/espcn/checkpoints").iterdir()
    assert srkit("upscale", "a.png", "--model", str(checkpoint)).code == 0
