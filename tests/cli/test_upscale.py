"""`srkit upscale`: every picture has its place, nothing is overwritten, what is broken is named."""

from __future__ import annotations

import errno
import json
import os
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import skimage.io
import torch
import torchvision
from PIL import Image, ImageCms

from srkit.data.decoding import decode
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
    assert said.code == 0
    assert "kept: " in said.err and "is there already; --overwrite replaces it" in said.err
    assert Path("upscaled/a.png").read_bytes() == b"mine"
    assert srkit("upscale", "a.png", *MODEL, "--overwrite").code == 0
    assert Image.open("upscaled/a.png").size == (64, 48)


def test_a_picture_is_never_replaced_by_its_own_result(workplace: Path, srkit: Command) -> None:
    before = photo(workplace / "a.png").read_bytes()
    assert srkit("upscale", "a.png", *MODEL, "--out", ".", "--overwrite").code == 0
    assert Path("a.png").read_bytes() == before
    assert Image.open("a-2.png").size == (64, 48)


@pytest.mark.skipif(sys.platform == "win32", reason="there names may have 255 letters, whatever their bytes")
@pytest.mark.parametrize("kind", ["png", "jpeg", "webp"])
def test_names_as_long_as_they_can_be_cost_no_image(kind: str, workplace: Path, srkit: Command) -> None:
    """Each of 255 bytes; two that differ in their ending alone, one that is cut within its last letter."""
    (workplace / "long").mkdir()
    for name in ("n" * 251 + ".png", "n" * 251 + ".bmp", "é" * 125 + "a.png", "漢" * 83 + "ab.png", "short.png"):
        photo(workplace / "long" / name, (10, 8))
    asked = ("upscale", "long", "--model", "runs/espcn", "--out", "large", "--format", kind)
    said = srkit(*asked)
    assert said.code == 0, said.err
    made = list((workplace / "large").iterdir())
    assert len(made) == 5 and all(decode(one).shape == (16, 20, 3) for one in made)
    again = srkit(*asked)
    assert (
        again.code == 0
        and again.err.count("is there already") == 5
        and set((workplace / "large").iterdir()) == set(made)
    )


def test_a_name_too_long_for_the_file_system_costs_that_image_alone(
    workplace: Path, srkit: Command, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("n" * 60, "short"):
        photo(workplace / "long" / f"{name}.png", (10, 8))
    stat, replace = os.stat, Path.replace

    def refuse(path: Any) -> None:
        """Encrypted folders of some systems take 143 bytes; this one takes 50."""
        if "large" in str(path) and len(Path(path).name) > 50:
            raise OSError(errno.ENAMETOOLONG, "File name too long", str(path))

    def short_stat(path: Any, *given: Any, **named: Any) -> os.stat_result:
        refuse(path)
        return stat(path, *given, **named)

    def short_replace(path: Path, target: Path) -> Path:
        refuse(target)
        return replace(path, target)

    monkeypatch.setattr(os, "stat", short_stat)
    monkeypatch.setattr(Path, "replace", short_replace)
    said = srkit("upscale", "long", "--model", "runs/espcn", "--out", "large")
    assert said.code == 2 and "cannot be written (File name too long)" in said.err and "short.png -> " in said.out
    assert [one.name for one in (workplace / "large").iterdir()] == ["short.png"]


@pytest.mark.parametrize("words", [("export", "runs/espcn", "--out", "{}.pth"), ("bench", "bicubic", "--on", "{}")])
def test_a_name_that_is_too_long_is_the_user_s_to_change(
    words: tuple[str, ...], workplace: Path, srkit: Command
) -> None:
    said = srkit(*(one.format("n" * 300) for one in words))
    assert said.code == 2 and "File name too long" in said.err and "bug" not in said.err


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
        (["--model", "nothing"], "nothing: there is no such run"),
        (["--model", "photos"], "neither a run nor one of a run's checkpoints"),
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


def test_what_concerns_scores_alone_is_not_told_again(workplace: Path, srkit: Command) -> None:
    manifest = json.loads(Path("runs/espcn/manifest.json").read_text(encoding="utf-8"))
    assert "the validation pictures are the training pictures" in manifest["warnings"][0]
    said = srkit("upscale", "photos/a.png", "--model", "runs/espcn")
    assert said.code == 0 and "warning" not in said.err


def test_a_checkpoint_s_file_and_a_picture_s_name_as_folder_are_told(workplace: Path, srkit: Command) -> None:
    (saved,) = Path("runs/espcn/checkpoints").iterdir()
    said = srkit("upscale", "photos/a.png", "--model", str(saved / "generator.safetensors"))
    assert said.code == 2 and f"is a part of the checkpoint {saved}; name that" in said.err
    said = srkit("upscale", "photos/a.png", "--model", "runs/espcn", "--out", "large.png")
    assert said.code == 2 and "--out large.png: pictures keep their names, and this is the folder" in said.err
    assert not Path("large.png").exists()


def test_patterns_are_followed_where_the_shell_does_not(workplace: Path, srkit: Command) -> None:
    photo(workplace / "a.png")
    photo(workplace / "b.png")
    assert srkit("upscale", "*.png", *MODEL).code == 0
    assert sorted(one.name for one in Path("upscaled").iterdir()) == ["a.png", "b.png"]
    assert "error: *.tif: no such file" in srkit("upscale", "*.tif", *MODEL).err


def test_transparency_profile_exif_and_orientation_go_along(workplace: Path, srkit: Command) -> None:
    pixels = np.random.default_rng(0).integers(0, 256, (10, 20, 4), dtype=np.uint8)
    profile = ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()
    exif = Image.Exif()
    exif[0x0112], exif[0x010F] = 6, "maker"
    Image.fromarray(pixels).save("a.png", icc_profile=profile, exif=exif)
    for kind, ending in (("png", "png"), ("webp", "webp"), ("jpeg", "jpg")):
        said = srkit("upscale", "a.png", *MODEL, "--format", kind)
        assert said.code == 0, said.err
        large = Image.open(f"upscaled/a.{ending}")
        assert large.size == (20, 40)  # turned once
        assert large.getexif().get(0x0112, 1) == 1 and large.getexif()[0x010F] == "maker"
        assert large.info["icc_profile"] == profile
        assert ("transparency" in said.err) == (kind == "jpeg") == (large.mode == "RGB")


def test_16_bits_stay_16(workplace: Path, srkit: Command) -> None:
    wide = np.random.default_rng(0).integers(0, 65536, (12, 9, 3), dtype=np.uint16)
    skimage.io.imsave("a.tif", wide, check_contrast=False)
    said = srkit("upscale", "a.tif", *MODEL)
    assert said.code == 0, said.err
    # by libpng, since Pillow reads 8 of the bits
    large = torchvision.io.read_image("upscaled/a.png", torchvision.io.ImageReadMode.UNCHANGED)
    assert large.dtype == torch.uint16 and large.shape == (3, 24, 18)
    assert len(np.unique(large.numpy() % 257)) > 50  # not 8 bits spread out


def test_grey_stays_grey(workplace: Path, srkit: Command) -> None:
    Image.fromarray(np.arange(200, dtype=np.uint8).reshape(10, 20)).save("a.png")
    assert srkit("upscale", "a.png", *MODEL).code == 0
    assert Image.open("upscaled/a.png").mode == "L"


def test_a_model_is_repeated_and_averaged(workplace: Path, srkit: Command) -> None:
    photo(workplace / "a.png")
    assert srkit("upscale", "a.png", *MODEL, "--repeat", "2", "--self-ensemble", "--exact").code == 0
    assert Image.open("upscaled/a.png").size == (128, 96)


def test_what_a_format_cannot_hold_is_said_before_computing(workplace: Path, srkit: Command) -> None:
    Image.new("RGB", (9000, 2)).save("a.png")
    said = srkit("upscale", "a.png", *MODEL, "--format", "webp")
    assert said.code == 2 and "18000 pixels are more than webp can hold" in said.err
