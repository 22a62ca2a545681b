"""`srkit prepare`: what it says before and after, what it refuses, and a run trained on what it made."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
from PIL import Image

from srkit.preparing.folder import begin
from srkit.preparing.targets import WORK
from tests.cli.conftest import TINY, Command
from tests.preparing.support import photo, planned

SMALL = ("--patch-size", "16", "--shrinks", "1,2", "--workers", "1")


@pytest.fixture
def album(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    exif = Image.Exif()
    exif[0x0110] = "Pixel 7"
    for number in range(4):
        photo(tmp_path / "album" / f"{number}.png", number)
    photo(tmp_path / "album" / "phone.jpg", 8, 80, 72, exif=exif)
    (tmp_path / "album" / "empty.jpg").write_bytes(b"")
    return tmp_path / "album"


def test_it_says_what_is_there_and_what_is_coming_before_it_starts(album: Path, srkit: Command) -> None:
    said = srkit("prepare", "album", "--out", "patches", *SMALL, "--dry-run")
    assert said.code == 0, said.err
    lines = said.out.splitlines()
    assert lines[0] == "6 pictures: .png (4), .jpg (1)"
    assert lines[1] == "cameras: not said (4), Pixel 7 (1)"
    assert lines[2] == "1 broken"
    assert lines[3].startswith("about 44 patches of 16x16, 0.0") and "MB as PNG, 0:0" in lines[3]
    assert lines[3].endswith("with 1 process") and len(lines) == 4
    assert not Path("patches").exists()


def test_it_says_what_was_made_and_names_what_was_not(album: Path, srkit: Command) -> None:
    photo(album / "zcopy.png", 2)
    photo(album / "tiny.png", 9, 8, 8)
    said = srkit("prepare", "album", "--out", "patches", *SMALL, "--shrink-first", "Pixel 7=2")
    assert said.code == 0, said.err
    assert "8 pictures: 5 used, 1 near-duplicates, 0 flat, 1 too small, 1 broken" in said.out
    for line in (
        "  near-duplicate  zcopy.png looks like 2.png",
        "  too small  tiny.png: 8x8 pixels",
        "  broken  empty.jpg: is empty (zero bytes)",
        "patches: 25 patches",
    ):
        assert line in said.out.splitlines(), line
    assert sorted(path.name for path in Path("patches").iterdir()) == ["0", "manifest.json"]
    assert not said.err


def test_a_second_run_has_nothing_to_do_and_other_settings_are_refused(album: Path, srkit: Command) -> None:
    assert srkit("prepare", "album", "--out", "patches", *SMALL).code == 0
    before = Path("patches/manifest.json").read_bytes()
    said = srkit("prepare", "album", "--out", "patches", *SMALL)
    assert said.code == 0 and "patches is finished already; nothing to do" in said.out
    said = srkit("prepare", "album", "--out", "patches", *SMALL, "--flat", "2", "--webp")
    assert said.code == 2
    assert "  flat: 1.0 there, 2.0 now" in said.err and '  form: "png" there, "webp" now' in said.err
    assert "Choose another --out" in said.err
    assert Path("patches/manifest.json").read_bytes() == before


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["missing"], "missing: there is no such file or folder"),
        (["album", "--shrink-first", "Pixel=2"], "no photo is by the camera 'Pixel'. Did you mean 'Pixel 7'?"),
        (["album", "--shrinks", "0"], "expected whole numbers from 1"),
        (["album", "--downscaler", "bicubik"], "no downscaler 'bicubik'"),
        (["album", "--downscaler", "random"], "option 'choices' of 'random' is missing"),
        (["album", "--downscaler", '{ use = "lanczos", lobs = 2 }'], "has no option 'lobs'. Did you mean 'lobes'?"),
        (["album", "--patch-size", "300"], "no patch of 300x300 fits"),
        (["album", "--webp", "--packed"], "a packed set holds bare pixels"),
        (["album", "--whole"], "it needs --packed beside it"),
        (["album", "--whole", "--packed", "--flat", "2"], "--flat is about cutting"),
        (["album", "--overlap", "1"], "Invalid value for '--overlap'"),
        (["album", "--patch-sise", "16"], "No such option"),
    ],
)
def test_what_is_wrong_is_one_message_before_any_work(
    arguments: list[str], message: str, album: Path, srkit: Command
) -> None:
    said = srkit("prepare", *arguments, "--out", "patches")
    assert said.code == 2
    assert message in said.err and "Traceback" not in said.err
    assert not Path("patches").exists()


def test_a_place_that_cannot_be_written_is_named(album: Path, srkit: Command) -> None:
    Path("file").touch()
    said = srkit("prepare", "album", "--out", str(Path("file") / "patches"), *SMALL)
    assert said.code == 2
    assert str(Path("file") / "patches") in said.err and "cannot be written" in said.err


@pytest.mark.skipif(sys.platform == "win32", reason="a signal to one process, as Ctrl-C sends it")
def test_ctrl_c_says_how_to_go_on(album: Path, srkit: Command) -> None:
    for number in range(10, 60):
        photo(album / f"{number}.png", number, 160, 120)
    command = [sys.executable, "-m", "srkit", "prepare", "album", "--out", "patches", "--patch-size", "16"]
    process = subprocess.Popen(
        command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, start_new_session=True
    )
    journal = Path("patches") / WORK / "journal.jsonl"
    while process.poll() is None and not (journal.exists() and journal.stat().st_size):
        time.sleep(0.005)
    os.killpg(process.pid, signal.SIGINT)
    _, err = process.communicate(timeout=60)
    assert process.returncode == 130, err
    assert "of 55 pictures; the same command goes on from there" in err and "Traceback" not in err
    said = srkit("prepare", "album", "--out", "patches", "--patch-size", "16")
    assert said.code == 0 and "patches was begun earlier and goes on" in said.out
    counts = json.loads(Path("patches/manifest.json").read_text())["counts"]
    assert counts["cut"] == 55


def test_photos_and_patches_of_both_sides_are_told(album: Path, srkit: Command) -> None:
    for number, side in enumerate((160, 64, 64, 64, 64)):
        photo(Path("mixed") / f"{number}.png", number, side, side)
    arguments = ("prepare", "mixed", "--out", "set", "--patch-size", "32", "--shrinks", "1", "--validate", "0.2")
    said = srkit(*arguments, "--dry-run")
    assert "to validate: 1 of 5 photos (20%), 10% of the patches; asked for: 20%; photos differ in size" in said.out
    said = srkit(*arguments)
    assert said.code == 0, said.err
    assert "set: 41 patches, 37 to train, 4 to validate" in said.out
    assert (
        "validate: 1 of 5 photos (20%), 10% of the patches; asked for: 20%; photos differ" in said.out.split("set:")[1]
    )


def test_a_set_that_an_earlier_srkit_began_with_other_sides_is_refused(album: Path, srkit: Command) -> None:
    arguments = ("prepare", "album", "--out", "set", *SMALL, "--validate", "0.4")
    Path("set", WORK).mkdir(parents=True)
    plan = planned(Path("album").absolute(), Path("set"), validate=0.4)
    begin(Path("set"), plan)
    file = Path("set", WORK, "plan.json")
    before = {key: value for key, value in json.loads(file.read_text()).items() if key != "validate"}
    file.write_text(json.dumps(before))
    state = Path("set", WORK, "plan.json").read_bytes()
    said = srkit(*arguments)
    assert said.code == 2 and "photos that validate: an earlier srkit drew others" in said.err
    assert Path("set", WORK, "plan.json").read_bytes() == state


def test_a_run_trains_on_a_packed_set(album: Path, srkit: Command) -> None:
    assert srkit("prepare", "album", "--out", "set", *SMALL, "--packed", "--validate", "0.4").code == 0
    text = TINY.replace('train = "photos"', 'train = { use = "packed", path = "set/train" }')
    text = text.replace('validate = "photos"', 'validate = { use = "packed", path = "set/validate" }')
    Path("tiny.toml").write_text(text, encoding="utf-8")
    said = srkit("run", "tiny.toml", "--out", "run", "--quiet", "--device", "cpu")
    assert said.code == 0, said.err
    assert "warning" not in said.err.lower()
    assert len(json.loads(Path("run/scores.json").read_text())["rows"]) == 2
    assert "workers = 0" in Path("run/experiment.toml").read_text()
    (Path("set") / "train" / "pictures.npy").open("ab").write(b"x")
    said = srkit("check", "tiny.toml")
    assert said.code == 2 and "pictures.npy: longer than it was" in said.out + said.err
