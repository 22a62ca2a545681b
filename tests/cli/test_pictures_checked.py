"""`srkit check` and `srkit run` on the pictures themselves: broken, mismatched, trained and judged with."""

from __future__ import annotations

import json
import os
from pathlib import Path

import numpy as np
import pytest
import skimage.data
from PIL import Image

from srkit.components.datasets.folder import Folder
from srkit.components.datasets.paired import Paired
from srkit.data.picture_files import PictureFiles
from tests.cli.conftest import TINY, Command

EXPERIMENT = TINY.replace('train = "photos"', 'train = { use = "paired", lr_folder = "lr", hr_folder = "hr" }').replace(
    'validate = "photos"', 'validate = "val"'
)


@pytest.fixture
def place(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Pairs of which one is shifted, one cut off and one too small; a validation photo that is trained with."""
    for name in ("lr", "hr", "val", "real"):
        (tmp_path / name).mkdir()
    for name in ("coffee", "chelsea", "rocket"):
        hr = Image.fromarray(getattr(skimage.data, name)()).crop((0, 0, 300, 240))
        hr.save(tmp_path / "hr" / f"{name}.png")
        hr.resize((150, 120), Image.Resampling.BICUBIC).save(tmp_path / "lr" / f"{name}.png")
    shifted = np.roll(np.array(Image.open(tmp_path / "lr" / "coffee.png")), 1, 1)
    Image.fromarray(shifted).save(tmp_path / "lr" / "coffee.png")
    cut = (tmp_path / "lr" / "rocket.png").read_bytes()
    (tmp_path / "lr" / "rocket.png").write_bytes(cut[: len(cut) // 2])
    for folder, size in (("hr", (12, 12)), ("lr", (6, 6))):
        Image.new("RGB", size, (9, 80, 200)).save(tmp_path / folder / "small.png")
    Image.open(tmp_path / "hr" / "chelsea.png").resize((200, 160)).save(tmp_path / "val" / "copy.jpg", quality=70)
    Image.fromarray(skimage.data.astronaut()).save(tmp_path / "val" / "other.png")
    Image.open(tmp_path / "hr" / "coffee.png").resize((100, 80)).save(tmp_path / "real" / "phone.jpg")
    (tmp_path / "pairs.toml").write_text(EXPERIMENT + '[validation]\nphotos = "real"\n', encoding="utf-8")
    monkeypatch.chdir(tmp_path)
    return tmp_path


def test_every_picture_is_named_with_what_is_wrong(place: Path, srkit: Command) -> None:
    said = srkit("check", "pairs.toml", "--json")
    assert said.code == 2
    found = {Path(one["file"]).relative_to(place).as_posix(): one for one in json.loads(said.out)}
    expected = {
        "lr/rocket.png": ("error", "cannot be decoded"),
        "hr/small.png": ("error", "12x12 pixels, smaller than the 16x16 that a patch needs"),
        "hr/coffee.png": ("warning", "LR is shifted by about 1 px to the right"),
        "val/copy.jpg": ("warning", "chelsea.png, which is trained with"),
        "real/phone.jpg": ("warning", "coffee.png, which is trained with"),
    }
    assert set(found) == set(expected)
    for file, (severity, message) in expected.items():
        assert found[file]["severity"] == severity and message in found[file]["message"], file
    keys = {"val/copy.jpg": "data.validate", "real/phone.jpg": "validation.photos"}
    assert all(found[file]["key"] == keys.get(file, "data.train") for file in found)


def test_a_second_check_says_the_same_without_reading(
    place: Path, srkit: Command, monkeypatch: pytest.MonkeyPatch
) -> None:
    first = srkit("check", "pairs.toml", "--json")
    for dataset in (Paired, Folder, PictureFiles):
        monkeypatch.setattr(dataset, "__getitem__", lambda self, index: pytest.fail("read again"))
    assert srkit("check", "pairs.toml", "--json") == first


@pytest.mark.parametrize("command", ["check", "run", "bench"])
def test_a_full_disk_under_the_cache_blames_no_experiment(
    command: str, workplace: Path, srkit: Command, monkeypatch: pytest.MonkeyPatch
) -> None:
    own = os.open

    def full(path: str | Path, flags: int, *more: int, **how: int) -> int:
        if flags & os.O_CREAT and ".cache" in str(path):
            raise OSError(28, "No space left on device", str(path))
        return own(path, flags, *more, **how)

    monkeypatch.setattr(os, "open", full)
    words = {
        "check": ("check", "tiny.toml"),
        "run": ("run", "tiny.toml", "--out", "new", "--device", "cpu"),
        "bench": ("bench", "runs/espcn", "bicubic", "--on", "photos"),
    }
    said = srkit(*words[command])
    assert said.code == 0, said.out + said.err
    if command == "check":
        assert "No space left on device" in said.out and "all are looked at again next time" in said.out
        assert "data.train" not in said.out.replace("training", "")


def test_warnings_alone_are_no_failure(place: Path, srkit: Command) -> None:
    said = srkit("check", "pairs.toml", "--set", "data.skip_broken=true")
    assert said.code == 0, said.out
    lines = said.out.splitlines()
    assert lines[-1] == "pairs.toml: ok, 5 warnings"
    assert all(line.startswith("warning: ") for line in lines[:-1]) and "it is left out" in said.out


def test_sizes_that_the_scale_forbids_are_errors(place: Path, srkit: Command) -> None:
    said = srkit("check", "pairs.toml", "--set", "scale=3", "--set", "data.patch_size=18", "--json")
    messages = [one["message"] for one in json.loads(said.out) if one["severity"] == "error"]
    assert said.code == 2
    assert "LR 150x120 and HR 300x240 pixels do not belong together at scale 3." in messages


def test_one_folder_in_both_places_is_said_once_and_beneath_the_scores(workplace: Path, srkit: Command) -> None:
    sentence = "the validation pictures are the training pictures"
    first, last = srkit("check", "tiny.toml").out.splitlines()
    assert first.startswith(f"warning: tiny.toml:6 data.validate: {sentence}") and last == "tiny.toml: ok, 1 warning"
    assert sentence in " ".join(srkit("run", "tiny.toml").out.split())
    assert sentence in json.loads(Path("runs/tiny/manifest.json").read_text())["warnings"][0]


def test_a_folder_that_is_not_there_is_a_problem_of_the_file(workplace: Path, srkit: Command) -> None:
    said = srkit("check", "tiny.toml", "--set", "validation.photos=nowhere")
    assert said.code == 2 and "validation.photos: there is no folder" in said.out


def test_a_run_warns_and_keeps_the_warning_and_the_fingerprint(place: Path, srkit: Command) -> None:
    (place / "lr" / "rocket.png").unlink()
    (place / "hr" / "rocket.png").unlink()
    settings = ["data.skip_broken=true", "log.tensorboard=false"]
    said = srkit("run", "pairs.toml", "--out", "run", "--quiet", *(part for one in settings for part in ("--set", one)))
    assert said.code == 0, said.err
    assert "warning: a validation picture looks like training pictures" in said.err and "copy.jpg" in said.err
    manifest = json.loads((place / "run" / "manifest.json").read_text())
    assert any("looks like training pictures" in one for one in manifest["warnings"])
    (saved,) = (place / "run" / "checkpoints").glob("step-*")
    state = json.loads((saved / "state.json").read_text())["state"]
    kept = ("train", "validate", "train_content", "validate_content")
    assert state["data"] == {key: manifest["data"][key] for key in kept}
