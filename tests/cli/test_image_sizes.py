"""Commands over folders go on past an image that is too large, which is named with the variable that would allow it."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from PIL import Image

from tests.cli.conftest import TINY, Command, photo

MODEL = ("--model", "runs/espcn")


def test_a_large_image_of_a_folder_is_named_and_the_others_are_upscaled(
    workplace: Path, srkit: Command, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SRKIT_MAX_PIXELS", "1000")
    photo(workplace / "album" / "large.png", (40, 30))
    photo(workplace / "album" / "small.png", (20, 10))
    said = srkit("upscale", "album", *MODEL)
    assert said.code == 2
    assert said.err.count("error: ") == 1
    assert f"error: {Path('album/large.png')}: 40x30 are 1,200 pixels" in said.err
    assert [one.name for one in Path("upscaled").iterdir()] == ["small.png"]


def test_a_large_file_that_was_named_by_itself_is_upscaled(
    workplace: Path, srkit: Command, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SRKIT_MAX_PIXELS", "1000")
    photo(workplace / "large.png", (40, 30))
    assert srkit("upscale", "large.png", *MODEL).code == 0
    assert Image.open("upscaled/large.png").size == (80, 60)
    monkeypatch.setenv("SRKIT_DECODE_MEMORY", "2MB")
    said = srkit("upscale", "large.png", *MODEL, "--overwrite")
    assert said.code == 2 and "large.png: 40x30 pixels (PNG, RGB) takes about 2 MB" in said.err


def test_prepare_counts_a_large_image_of_a_folder_as_broken(
    tmp_path: Path, srkit: Command, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("SRKIT_MAX_PIXELS", "2000")
    photo(tmp_path / "album" / "large.png", (64, 64))
    photo(tmp_path / "album" / "small.png", (40, 40))
    said = srkit("prepare", "album", "--out", "patches", "--patch-size", "16", "--workers", "2")
    assert said.code == 0, said.err
    assert "  broken  large.png: 64x64 are 4,096 pixels" in said.out
    assert srkit("prepare", "album/large.png", "--out", "one", "--patch-size", "16", "--workers", "1").code == 0


def test_prepare_cuts_one_after_another_what_memory_has_no_room_for_together(
    tmp_path: Path, srkit: Command, monkeypatch: pytest.MonkeyPatch
) -> None:
    from srkit.data.decoding import memory_to_decode

    monkeypatch.chdir(tmp_path)
    files = [photo(tmp_path / "album" / f"{number}{'x' * number}.png", (40, 40)) for number in range(5)]
    monkeypatch.setenv("SRKIT_DECODE_MEMORY", str(memory_to_decode(files[0]) + 1))
    said = srkit("prepare", "album", "--out", "patches", "--patch-size", "16", "--workers", "3")
    assert said.code == 0, said.err
    assert "5 used" in said.out


@pytest.mark.parametrize("variable", ["SRKIT_MAX_PIXELS", "SRKIT_DECODE_MEMORY"])
def test_a_variable_that_makes_no_sense_ends_the_command_once(
    workplace: Path, srkit: Command, monkeypatch: pytest.MonkeyPatch, variable: str
) -> None:
    photo(workplace / "album" / "a.png")
    photo(workplace / "album" / "b.png")
    (workplace / "tiny.toml").write_text(TINY.replace('"photos"', '"album"'))
    monkeypatch.setenv(variable, "lots")
    for command in (
        ("upscale", "album", *MODEL),
        ("prepare", "album", "--out", "patches"),
        ("check", "tiny.toml"),
        ("run", "tiny.toml"),
        ("bench", "bicubic", "--on", "album", "--scale", "2"),
    ):
        said = srkit(*command)
        assert said.code == 2, (command, said.err)
        assert (said.out + said.err).count(f"{variable}='lots'") == 1, command
        assert "Traceback" not in said.err


def test_training_takes_a_large_image_as_any_other_that_cannot_be_used(
    workplace: Path, srkit: Command, monkeypatch: pytest.MonkeyPatch
) -> None:
    photo(workplace / "album" / "large.png", (64, 64))
    photo(workplace / "album" / "small.png", (40, 40))
    text = TINY.replace('"photos"', '"album"')
    (workplace / "tiny.toml").write_text(text)
    monkeypatch.setenv("SRKIT_MAX_PIXELS", "2000")
    said = srkit("run", "tiny.toml", "--quiet", "--out", "refused")
    assert said.code == 2 and "large.png: 64x64 are 4,096 pixels" in said.err
    (workplace / "tiny.toml").write_text(text.replace("[data]", "[data]\nskip_broken = true"))
    said = srkit("run", "tiny.toml", "--quiet", "--out", "done")
    assert said.code == 0, said.err
    (row,) = [one for one in json.loads(Path("done/scores.json").read_text())["rows"] if one["model"] == "done"]
    assert list(row["per_image"]) == ["small.png"]
