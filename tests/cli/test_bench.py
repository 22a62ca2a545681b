"""`srkit bench` from the shell: rows, forms, sets, what is refused, and what goes on after an interruption."""

from __future__ import annotations

import csv
import io
import json
import os
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import pytest

from srkit.studies.folder import Cell, Study, write_study
from tests.cli.conftest import TINY, Command, Said, in_own_process, photo


@pytest.fixture(autouse=True)
def own_cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    return tmp_path / "cache" / "srkit" / "bench"


@pytest.fixture
def held_out(workplace: Path) -> Path:
    """A folder of photos that the run has not seen."""
    for number in range(4):
        photo(workplace / "held" / f"{'x' * (number + 6)}.png", (40, 36))
    return workplace / "held"


def rows(said: Said) -> list[dict[str, Any]]:
    assert said.code == 0, said.err
    return json.loads(said.out)["rows"]


def test_models_stand_side_by_side(held_out: Path, srkit: Command) -> None:
    found = rows(srkit("bench", "bicubic", "runs/espcn", "--on", "held", "--format", "json"))
    assert [(one["model"], one["set"], one["scale"], one["downscaler"], one["images"]) for one in found] == [
        ("bicubic", "held", 2, "torch-bilinear (antialias True)", 4),
        ("espcn", "held", 2, "torch-bilinear (antialias True)", 4),
    ]
    mine = found[1]
    assert set(mine["metrics"]) == {"psnr-y", "ssim-y", "consistency", "colour-drift"}
    gap = mine["differences"]["psnr-y"]
    assert gap["mean"] == pytest.approx(mine["metrics"]["psnr-y"]["mean"] - found[0]["metrics"]["psnr-y"]["mean"])
    assert gap["low"] <= gap["mean"] <= gap["high"]
    assert mine["parameters"] > 0 and mine["macs_per_megapixel"] > 0 and mine["seconds_per_megapixel"] > 0
    assert mine["trained_on"].startswith("photos") and mine["seen_in_training"] == {} and mine["best"] == []
    scores = [one["psnr-y"] for one in mine["per_image"].values()]
    assert scores == sorted(scores)


def test_a_photo_seen_in_training_is_marked(workplace: Path, srkit: Command) -> None:
    said = srkit("bench", "runs/espcn", "bicubic", "--on", "photos", "--per-image")
    assert said.code == 0, said.err
    assert "espcn †" in said.out and "† espcn trained on one of these photos" in said.out
    assert "PSNR-Y by image" in said.out and "a.png" in said.out


def test_the_runs_own_photos_give_the_scores_of_its_final_table(workplace: Path, srkit: Command) -> None:
    found = rows(srkit("bench", "bicubic", "runs/espcn", "--format", "json"))
    before = json.loads(Path("runs/espcn/scores.json").read_text(encoding="utf-8"))["rows"]
    for one, other in zip(found, before, strict=True):
        assert one["metrics"]["psnr-y"]["mean"] == pytest.approx(other["metrics"]["psnr-y"]["mean"], abs=1e-3)
        assert (one["set"], one["downscaler"]) == (other["set"], other["downscaler"])


def test_a_run_on_pairs_is_judged_on_its_own_by_the_lr_pictures_they_bring(workplace: Path, srkit: Command) -> None:
    for number in range(2):
        photo(workplace / "hr" / f"{number}.png", (40, 36))
        photo(workplace / "lr" / f"{number}.png", (20, 18))
    pairs = '{ use = "paired", lr_folder = "lr", hr_folder = "hr" }'
    text = TINY.replace('train = "photos"', f"train = {pairs}").replace('validate = "photos"', f"validate = {pairs}")
    for name, quality in (("one", 90), ("two", 30)):  # trained on different LR pictures, judged on the same
        own = text + f'[[degradation]]\nuse = "jpeg"\nquality = {quality}\n'
        (workplace / f"{name}.toml").write_text(own, encoding="utf-8")
        assert srkit("run", f"{name}.toml", "--quiet").code == 0
    found = rows(srkit("bench", "runs/one", "runs/two", "--format", "json"))
    assert [(one["downscaler"], one["degradations"]) for one in found] == [("given", [])] * 2
    assert [one["trained_on"] for one in found] == ["hr, given, jpeg"] * 2
    said = srkit("bench", "runs/one", "--downscaler", "pillow")
    assert said.code == 2 and "leave --downscaler and --degradation out" in said.err


def test_all_checkpoints_of_a_run(held_out: Path, srkit: Command) -> None:
    trained = srkit("run", "tiny.toml", "--set", "steps=3", "--set", "checkpoint.every=1", "--out", "runs/long")
    assert trained.code == 0, trained.err
    found = rows(srkit("bench", "runs/long", "--checkpoints", "--on", "held", "--format", "json"))
    assert [one["model"] for one in found] == ["step 1", "step 2", "step 3"]
    assert all(one["seconds_per_megapixel"] is None for one in found)
    (Path("runs/long/checkpoints/step-00000002/generator.safetensors")).unlink()
    said = srkit(
        "bench", "runs/long", "bicubic", "--checkpoints", "--on", "held", "--against", "bicubic", "--format", "json"
    )
    assert "left out" in said.err and "step-00000002" in said.err
    assert [one["model"] for one in rows(said)] == ["step 1", "step 3", "bicubic"]
    assert {one["against"] for one in rows(said)} == {"bicubic"}


def test_a_checkpoint_that_vanishes_while_others_are_judged(
    held_out: Path, srkit: Command, monkeypatch: pytest.MonkeyPatch
) -> None:
    trained = srkit("run", "tiny.toml", "--set", "steps=2", "--set", "checkpoint.every=1", "--out", "runs/long")
    assert trained.code == 0, trained.err
    from srkit.evaluation.bench import benchmark
    from srkit.inference import run_models

    look = benchmark.look

    shutil.copytree("runs/long/checkpoints/step-00000001", "kept")

    def retire(*arguments: Any) -> Any:
        shutil.rmtree("runs/long/checkpoints/step-00000001")
        return look(*arguments)

    command = ("bench", "runs/long", "--checkpoints", "--on", "held", "--metric", "psnr-y", "--format", "json")
    monkeypatch.setattr(benchmark, "look", retire)
    # its weights are in memory
    assert [one["model"] for one in rows(srkit(*command))] == ["step 1", "step 2"]
    shutil.copytree("kept", "runs/long/checkpoints/step-00000001")
    monkeypatch.setattr(run_models, "HELD_BYTES", 0)
    monkeypatch.setenv("XDG_CACHE_HOME", "fresh")
    said = srkit(*command)
    assert "warning: step 1 is left out" in said.err and "has gone: the run removed it meanwhile" in said.err
    assert [one["model"] for one in rows(said)] == ["step 2"]


def test_pairs_repeats_and_scales(workplace: Path, srkit: Command) -> None:
    photo(workplace / "hr" / "a.png", (60, 48))
    photo(workplace / "x4" / "a.png", (15, 12))
    (pair,) = rows(srkit("bench", "bicubic", "--on", "hr=x4", "--format", "json"))
    assert (pair["scale"], pair["downscaler"], "consistency" in pair["metrics"]) == (4, "given", False)
    found = rows(srkit("bench", "runs/espcn", "bicubic", "--on", "hr=x4", "--repeat", "2", "--format", "json"))
    assert [one["model"] for one in found] == ["espcn (2 times x2)", "bicubic"]
    refused = srkit("bench", "runs/espcn", "--on", "hr=x4")
    assert refused.code == 2 and "hr has LR pictures for x4, and there is a model for x2" in refused.err
    (workplace / "x3.toml").write_text(
        TINY.replace("scale = 2", "scale = 3").replace("patch_size = 16", "patch_size = 18")
    )
    assert srkit("run", "x3.toml", "--out", "runs/x3", "--quiet").code == 0
    found = rows(srkit("bench", "runs/espcn", "runs/x3", "bicubic", "--on", "hr", "--format", "json"))
    assert [(one["model"], one["scale"]) for one in found] == [("espcn", 2), ("bicubic", 2), ("x3", 3), ("bicubic", 3)]
    refused = srkit("bench", "runs/espcn", "runs/x3", "--on", "hr", "--scale", "2")
    assert refused.code == 2 and "x3 enlarges 3 times; --scale 2 cannot be had of it" in refused.err


def test_what_differs_in_lr_pictures_has_to_be_named(held_out: Path, srkit: Command) -> None:
    (Path("other.toml")).write_text(TINY.replace("torch-bilinear", "box"))
    assert srkit("run", "other.toml", "--out", "runs/other", "--quiet").code == 0
    refused = srkit("bench", "runs/espcn", "runs/other", "--on", "held")
    assert refused.code == 2 and "made in different ways" in refused.err and "--downscaler" in refused.err
    named = ("--downscaler", '{ use = "lanczos", lobes = 2 }', "--degradation", "jpeg")
    found = rows(srkit("bench", "runs/espcn", "runs/other", "--on", "held", *named, "--format", "json"))
    assert {one["downscaler"] for one in found} == {"lanczos (lobes 2)"}
    assert found[0]["degradations"][0].startswith("jpeg")
    again = rows(srkit("bench", "runs/other", "--on", "held", *named, "--format", "json"))
    assert again[0]["metrics"] == found[1]["metrics"]


def test_a_suite_and_metrics(held_out: Path, srkit: Command) -> None:
    suite = '[[set]]\nname = "Held"\nhr = "held"\nscales = [2, 3]\ndownscaler = "box"\n'
    Path("suite.toml").write_text(suite + '[[set]]\nname = "Absent"\nhr = "absent"\n')
    said = srkit("bench", "bicubic", "nearest", "--suite", "suite.toml", "--metric", "psnr-rgb", "--format", "csv")
    assert said.code == 0, said.err
    assert 'sha256 = "' in said.err and "set Absent is left out: there is no folder absent" in said.err
    lines = list(csv.DictReader(io.StringIO(said.out)))
    assert [(line["set"], line["scale"], line["model"]) for line in lines] == [
        ("Held", "2", "bicubic"),
        ("Held", "2", "nearest"),
        ("Held", "3", "bicubic"),
        ("Held", "3", "nearest"),
    ]
    assert all(float(line["psnr-rgb"]) > 0 for line in lines)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["nothing", "--on", "photos"], "nothing: there is no such run"),
        (["bicubic", "--on", "photos"], "say which, --scale 2"),
        (["bicubic", "--scale", "2"], "name the photos to judge on: --on FOLDER"),
        (["bicubic", "--scale", "2", "--on", "nowhere"], "set nowhere: no such folder"),
        (["bicubic", "--scale", "2", "--on", "photos=nowhere"], "there is no folder nowhere"),
        (["bicubic", "bicubic", "--scale", "2", "--on", "photos"], "bicubic is named twice"),
        (["bicubic", "--scale", "2", "--on", "photos", "--metric", "psnr"], "Did you mean 'psnr-y'"),
        (["bicubic", "--scale", "2", "--on", "photos", "--downscaler", "boxx"], "Did you mean 'box'"),
        (["bicubic", "--checkpoints"], "--checkpoints judges all checkpoints of a run"),
        (["bicubic", "--scale", "2", "--suite", "none.toml"], "there is no suite file none.toml"),
        (["runs/espcn", "--on", "tiny.toml"], "is a file, not a folder"),
        (["bicubic", "--scale", "2", "--on", "photos", "--against", "nobody"], "nobody: there is no such run"),
    ],
)
def test_what_is_wrong_is_said(arguments: list[str], message: str, workplace: Path, srkit: Command) -> None:
    said = srkit("bench", *arguments)
    assert said.code == 2, said.err
    assert message in said.err
    assert not said.out and "Traceback" not in said.err


def test_images_too_small_for_a_metric_are_all_named_and_the_others_are_given(held_out: Path, srkit: Command) -> None:
    photo(held_out / "large.png", (200, 190))
    asked = ("bench", "bicubic", "lanczos", "--on", "held", "--scale", "2", "--format", "json")
    said = srkit(*asked, "--metric", "ms-ssim", "--metric", "psnr-y")
    assert said.code == 2 and "--metric ms-ssim: held, x2: 4 images are too small (MS-SSIM needs" in said.err
    assert all(f"  {'x' * (number + 6)}.png (40x36)" in said.err for number in range(4)) and "large" not in said.err
    given = json.loads(said.out)["rows"]
    assert [set(one["metrics"]) & {"ms-ssim", "psnr-y"} for one in given] == [{"psnr-y"}] * 2
    assert given[1]["differences"]["psnr-y"]["mean"] and len(given[0]["left_out"]["ms-ssim"]) == 4
    photo(held_out / "tiny.png", (12, 12))
    found = rows(srkit(*asked))  # nobody asked for ssim-y
    assert "ssim-y" not in found[0]["metrics"] and found[0]["left_out"] == {"ssim-y": ["tiny.png (12x12)"]}


def test_the_same_table_from_the_cache_by_any_number_of_workers(
    held_out: Path, srkit: Command, own_cache: Path
) -> None:
    command = ("bench", "runs/espcn", "bicubic", "--on", "held", "--format", "json")
    first = srkit(*command, "--workers", "3")
    assert srkit(*command, "--workers", "1").out == first.out
    shutil.rmtree(own_cache)
    fresh = rows(srkit(*command, "--workers", "1"))
    clock = ("seconds_per_megapixel", "time_spread")
    assert [{k: v for k, v in one.items() if k not in clock} for one in fresh] == [
        {k: v for k, v in one.items() if k not in clock} for one in rows(first)
    ]


@pytest.mark.skipif(sys.platform == "win32", reason="signals of POSIX")
def test_a_benchmark_that_was_killed_goes_on(held_out: Path, own_cache: Path) -> None:
    for number in range(12):
        photo(held_out / f"large{'y' * number}.png", (400, 300))
    command = [
        sys.executable,
        "-m",
        "srkit",
        "bench",
        "runs/espcn",
        "--on",
        "held",
        "--workers",
        "1",
        "--format",
        "json",
    ]
    child = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    deadline = time.monotonic() + 60
    while not list(own_cache.glob("scores/*.jsonl")) and time.monotonic() < deadline and child.poll() is None:
        time.sleep(0.01)
    child.send_signal(signal.SIGKILL)
    child.wait()
    done = in_own_process(*command[3:], cwd=held_out.parent, XDG_CACHE_HOME=os.environ["XDG_CACHE_HOME"])
    (row,) = rows(done)
    assert row["images"] == 16
    kept = [
        line for file in own_cache.glob("scores/*.jsonl") for line in file.read_text().splitlines() if "psnr" in line
    ]
    keys = [json.loads(line)["key"] for line in kept]
    assert len(set(keys)) == len(keys) == 16  # nothing twice


@pytest.fixture
def study(workplace: Path) -> Path:
    """A study of three runs, of which the last one has not begun."""
    cells = []
    for number, state in enumerate(("done", "done", "waiting")):
        cells.append(Cell(f"r{number}", f"r{number}", 1, state=state))  # type: ignore[arg-type]
        if state == "done":
            shutil.copytree(workplace / "runs" / "espcn", workplace / "s" / f"r{number}")
    write_study(Study(workplace / "s", "s", "tiny.toml", {"use": "local"}, "", tuple(cells)))
    return workplace / "s"


def test_a_study_stands_for_its_runs_and_is_measured_from_bicubic(study: Path, held_out: Path, srkit: Command) -> None:
    said = srkit("bench", "s", "bicubic", "--on", "held", "--format", "json")
    found = rows(said)
    assert [one["model"] for one in found] == ["r0", "r1", "bicubic"]
    assert {one["against"] for one in found} == {"bicubic"} and found[2]["differences"] == {}
    assert said.err.count("warning: left out: r2 of s (waiting)") == 1
    one = rows(srkit("bench", "s/r0", "--on", "held", "--format", "json"))[0]
    assert one["metrics"] == found[0]["metrics"] == found[1]["metrics"]
    assert {one["against"] for one in rows(srkit("bench", "s", "--on", "held", "--format", "json"))} == {"r0"}
    named = rows(srkit("bench", "s", "bicubic", "--against", "r1", "--on", "held", "--format", "json"))
    assert {one["against"] for one in named} == {"r1"}


def test_a_study_without_a_run_that_ended_is_told(study: Path, srkit: Command) -> None:
    for name in ("r0", "r1"):
        shutil.rmtree(study / name)
    said = srkit("bench", "s", "bicubic")
    assert said.code == 2 and "s: no run of this study has ended yet" in said.err
