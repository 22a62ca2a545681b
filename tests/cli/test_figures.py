"""`srkit strip`, `srkit animate` and `srkit curves`, as somebody types them."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import pytest
from PIL import Image

from srkit.evaluation.strip import lay_out
from tests.cli.conftest import Command, photo

ON = ("--on", "photos", "--device", "cpu")


def test_a_strip_has_original_bicubic_and_the_models_and_is_the_same_again(workplace: Path, srkit: Command) -> None:
    photo(workplace / "photos" / "deep" / "b.png", (60, 50))
    command = ("strip", "runs/espcn", "lanczos", *ON)
    said = srkit(*command)
    assert said.code == 0, said.err
    assert [Path(one) for one in said.out.split()] == [Path("strips/a.png"), Path("strips/deep__b.png")]
    with Image.open("strips/deep__b.png") as made:
        assert made.size == lay_out((60, 50), 4, footer=True).size
    first = Path("strips/a.png").read_bytes()
    assert srkit(*command, "--out", "again").code == 0
    assert Path("again/a.png").read_bytes() == first
    assert sorted(one.name for one in Path("again").iterdir()) == ["a.png", "deep__b.png"]


def test_the_caption_has_the_score_of_bench(workplace: Path, srkit: Command, monkeypatch: pytest.MonkeyPatch) -> None:
    captions = []
    monkeypatch.setattr(
        "srkit.evaluation.strips.caption", lambda name, decibels: captions.append((name, decibels)) or name
    )
    assert srkit("strip", "runs/espcn", *ON).code == 0
    said = srkit("bench", "bicubic", "runs/espcn", *ON, "--format", "json")
    rows = json.loads(said.out)["rows"]
    assert captions == [(row["model"], pytest.approx(row["per_image"]["a.png"]["psnr-y"])) for row in rows]


def test_parts_are_chosen_by_hand_and_one_picture_gives_one_file(workplace: Path, srkit: Command) -> None:
    photo(workplace / "photos" / "b.png", (60, 50))
    crops = ("--crop", "8,6,16,12", "--crop", "0,0,20,20")
    said = srkit("strip", "runs/espcn", "--on", "photos/b.png", *crops, "--out", "new/s.png")
    assert said.code == 0, said.err
    with Image.open("new/s.png") as made:
        assert made.size == lay_out((60, 50), 3, [(8, 6, 16, 12), (0, 0, 20, 20)], footer=True).size


def test_photos_of_two_sets_with_one_name_have_files_of_their_own(workplace: Path, srkit: Command) -> None:
    photo(workplace / "more" / "a.png", (60, 50))
    said = srkit("strip", "runs/espcn", "--on", "photos", "--on", "more")
    assert said.code == 0, said.err
    assert sorted(one.name for one in Path("strips").iterdir()) == ["more__a.png", "photos__a.png"]


@pytest.mark.parametrize(("command", "suffix"), [("strip", ".png"), ("animate", ".webp")])
def test_photos_of_one_set_with_one_name_have_files_of_their_own(
    command: str, suffix: str, workplace: Path, srkit: Command
) -> None:
    photo(workplace / "photos" / "a.bmp")
    said = srkit(command, "bicubic", "runs/espcn", *ON, "--out", "out")
    assert said.code == 0, said.err
    assert sorted(one.name for one in Path("out").iterdir()) == [f"a-2{suffix}", f"a{suffix}"]


@pytest.mark.parametrize("pair", [("bicubic", "runs/espcn"), ("runs/espcn", "original")])
def test_an_animation_shows_two_versions_in_the_order_named(
    pair: tuple[str, str], workplace: Path, srkit: Command
) -> None:
    said = srkit("animate", *pair, *ON, "--delay", "0.25", "--crop", "2,2,20,16")
    assert said.code == 0, said.err
    assert said.out.startswith(str(Path("animations/a.webp"))) and "lossless" in said.out
    with Image.open("animations/a.webp") as made:
        assert getattr(made, "n_frames", 1) == 2
        made.load()
        assert made.info["duration"] == 250


def test_curves_of_runs_are_drawn_and_bad_luck_is_said(workplace: Path, srkit: Command) -> None:
    pytest.importorskip("matplotlib", reason="the extra `figures` is not installed")
    shutil.copytree("runs/espcn", "runs/other")
    Path("runs/other/metrics.jsonl").unlink()
    said = srkit("curves", "runs", "--out", "new/all.png")
    assert said.code == 0 and "other has logged nothing yet" in said.err
    with Image.open("new/all.png") as made:
        assert made.format == "PNG"
    refused = srkit("curves", "runs/espcn", "--perception-distortion")
    assert refused.code == 2 and "[validation] metrics" in refused.err


def test_the_scatter_is_drawn_of_a_table_too(workplace: Path, srkit: Command) -> None:
    pytest.importorskip("matplotlib", reason="the extra `figures` is not installed")
    scores = json.loads(Path("runs/espcn/scores.json").read_text())
    for place, row in enumerate(scores["rows"]):
        row["metrics"]["lpips"] = {"mean": 0.1 + place, "unit": "", "higher_is_better": False}
    Path("table.json").write_text(json.dumps(scores))
    said = srkit("curves", "table.json", "--perception-distortion")
    assert said.code == 0, said.err
    with Image.open("curves.png") as made:
        assert made.format == "PNG"


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["strip", "nothing", *ON], "nothing: there is no such run"),
        (["strip", "runs", *ON], "neither a run nor one of a run's checkpoints"),
        (["strip", "bicubic", *ON], "say which, --scale 2"),
        (["strip", "runs/espcn", "--on", "nowhere"], "no such folder"),
        (["strip", "runs/espcn", "--on", "photos/bad.png"], "bad.png: cannot be decoded"),
        (["strip", "runs/espcn", "--on", "photos/a.png", "photos/bad.png"], "is a picture, not a model"),
        (["strip", "runs/espcn", *ON, "--crop", "1,2,3"], "write x,y,w,h"),
        (["strip", "runs/espcn", "--on", "photos/a.png", "--crop", "20,2,30,4"], "no part of a photo of 32x24"),
        (["strip", "runs/espcn", "--on", "photos/a.png", "--out", "tiny.toml"], "this folder cannot be made"),
        (["strip", "runs/espcn", *ON, "--out", "x.png"], "there are 2 photos"),
        (["strip", "runs/espcn", "x4.toml-run", "--on", "photos/a.png"], "different sizes"),
        (["animate", "original", "original", *ON], "look alike"),
        (["animate", "bicubic", "runs/espcn", "--on", "photos/a.png", "--max-size", "0.01"], "raise --max-size"),
        (["curves", "nothing"], "nothing: there is no such run"),
        (["curves", "photos"], "neither a run folder"),
        (["curves", "tiny.toml"], "not a scores.json"),
    ],
)
def test_what_is_wrong_is_said(arguments: list[str], message: str, workplace: Path, srkit: Command) -> None:
    (workplace / "photos" / "bad.png").write_bytes((workplace / "photos" / "a.png").read_bytes()[:200])
    if "x4.toml-run" in arguments:
        trained = srkit(
            "run",
            "tiny.toml",
            "--set",
            "scale=4",
            "--set",
            "data.skip_broken=true",
            "--out",
            "x4.toml-run",
            "--device",
            "cpu",
            "--quiet",
        )
        assert trained.code == 0, trained.err
    said = srkit(*arguments)
    assert said.code == 2, said.err
    assert message in said.err and "Traceback" not in said.err
