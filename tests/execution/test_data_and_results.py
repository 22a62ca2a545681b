"""Pictures a run can and cannot use, what it leaves in its folder, and the rehearsal before it."""

import dataclasses
import io
import json
import math
import sys
import time
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from PIL import Image
from rich.console import Console
from rich.table import Table

from srkit.assembly.pictures import look_at_pictures
from srkit.data.decoding import decode
from srkit.dry_run import dry_run
from srkit.errors import ExperimentError, UserError
from srkit.evaluation.table import scores_table
from srkit.readiness import make_ready
from srkit.registry import KINDS, Registry
from srkit.registry.discovery import Entry
from srkit.training.observers import waiting
from srkit.training.observers.retention import Retention
from srkit.training.precision import best_precision
from tests.execution.support import GAN, PLAIN, changed, last, numbers, plan_of, prepared, run, steps_kept, write_photos

WITHOUT = PLAIN.replace('validate = "held_out"\n', "")


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    prepared(tmp_path)
    return tmp_path


def manifest(out: Path) -> dict[str, Any]:
    return json.loads((out / "manifest.json").read_text(encoding="utf-8"))


# --- pictures -------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("workers", "kept"), [("0", 5), ("auto", 5), ("2", 0)])
def test_the_training_process_keeps_pictures_for_itself_alone(folder: Path, workers: str, kept: int) -> None:
    ready = make_ready(plan_of(prepared(folder), f"data.workers={workers}"), "cpu", None, lambda _: None)
    assert ready.data.bytes == kept * 72 * 64 * 3 and ready.assembly.train is ready.data


SETS = """
import numpy as np

ODD = {
    "grey": lambda: np.zeros((40, 40), np.uint8),
    "float": lambda: np.zeros((40, 40, 3), np.float32),
    "list": lambda: [[0]],
    "three": lambda: (np.zeros((40, 40, 3), np.uint8),) * 3,
}


class Odd:
    def __init__(self, gives: str = "grey") -> None:
        self.gives = gives

    def __len__(self):
        return 3

    def __getitem__(self, index):
        return ODD[self.gives]() if index == 1 else np.zeros((40, 40, 3), np.uint8)

    def name(self, index):
        return f"picture {index}"


class Nameless:
    def __len__(self):
        return 3

    def __getitem__(self, index):
        return np.zeros((40, 40, 3), np.uint8)
"""


@pytest.mark.parametrize(
    ("gives", "found"),
    [
        ("grey", "uint8 (40, 40)"),
        ("float", "float32 (40, 40, 3)"),
        ("list", "a list"),
        ("three", "a tuple"),
    ],
)
def test_a_data_set_that_gives_something_else_than_pictures(folder: Path, gives: str, found: str) -> None:
    (folder / "sets.py").write_text(SETS, encoding="utf-8")
    path = prepared(folder, changed(PLAIN, train=f'{{ use = "./sets.py:Odd", gives = "{gives}" }}'))
    said = f"the data set gives {found} for picture 1; expected an array uint8 (H, W, 3) in RGB"
    with pytest.raises(UserError) as caught:
        run(path, out=folder / "out")
    assert said in str(caught.value) and caught.value.exit_code == 2
    plan = plan_of(path)
    look_at_pictures(plan)
    (problem,) = plan.problems
    assert problem.key == "data.train" and problem.line == 7 and said in problem.message


def test_a_data_set_without_a_method_is_told_by_its_line(folder: Path) -> None:
    (folder / "sets.py").write_text(SETS, encoding="utf-8")
    path = prepared(folder, changed(PLAIN, train='{ use = "./sets.py:Nameless" }'))
    with pytest.raises(
        ExperimentError, match=r"tiny.toml:7 data.train.use: dataset .*class Nameless is no dataset: it has no name\(\)"
    ):
        run(path, out=folder / "out")


def paired(folder: Path) -> Path:
    """The photos with LR pictures that no downscaler here makes: the originals' every second pixel, inverted."""
    for name in ("photos", "held_out"):
        (folder / f"{name}_lr").mkdir()
        for file in (folder / name).iterdir():
            hr = decode(file)
            height, width = (side // 2 * 2 for side in hr.shape[:2])
            Image.fromarray(255 - hr[:height:2, :width:2]).save(folder / f"{name}_lr" / file.name)
    pair = '{{ use = "paired", lr_folder = "{0}_lr", hr_folder = "{0}" }}'
    return prepared(folder, changed(PLAIN, train=pair.format("photos"), validate=pair.format("held_out")))


def test_given_lr_pictures_are_trained_and_judged_with_and_said_to_be_that(folder: Path) -> None:
    path = paired(folder)
    outcome = run(path, "downscaler.use=linear-light", 'degradation=[{ use = "jpeg" }]', out=folder / "out")
    assert [(row.downscaler, row.degradations) for row in outcome.rows] == [("given", ())] * 2
    # bicubic of an inverted picture is far off: the given picture is what was enlarged
    bicubic = json.loads((folder / "out" / "scores.json").read_text(encoding="utf-8"))["rows"][0]
    assert bicubic["metrics"]["psnr-y"]["mean"] < 15 and bicubic["downscaler"] == "given"


@pytest.mark.parametrize(
    ("more", "line", "expected"),
    [
        (
            '[lr_pipeline]\nuse = "real-esrgan"\n',
            22,
            "lr_pipeline: the training pictures are pairs, whose LR pictures it",
        ),
        (
            "[[degradation]]\nuse = \"jpeg\"\n[[stage]]\nsteps = 6\nset = { 'degradation.jpeg.when' = 'before' }\n",
            26,
            "stage.1.set: it degrades before the downscaler, but the training pictures are pairs",
        ),
        (
            '[[degradation]]\nuse = "jpeg"\nwhen = "before"\n',
            24,
            "degradation.jpeg.when: the training pictures are pairs",
        ),
    ],
)
def test_what_would_make_lr_pictures_beside_given_ones_is_refused(
    folder: Path, more: str, line: int, expected: str
) -> None:
    path = paired(folder)
    path.write_text(path.read_text(encoding="utf-8") + more, encoding="utf-8")
    with pytest.raises(ExperimentError) as caught:
        run(path, out=folder / "out")
    assert f"tiny.toml:{line} {expected}" in str(caught.value)
    plan = plan_of(path)
    look_at_pictures(plan)
    assert [str(one) for one in plan.problems] == [str(one) for one in caught.value.problems]


def spoil(photos: Path) -> None:
    (photos / "text.png").write_text("not a picture")
    (photos / "zero.png").write_bytes(b"")
    whole = (photos / "00.png").read_bytes()
    (photos / "cut.png").write_bytes(whole[: len(whole) // 2])
    Image.new("RGB", (31, 40)).save(photos / "small.png")


def test_broken_photos_are_refused_with_a_list_or_left_out_and_counted(folder: Path) -> None:
    spoil(folder / "photos")
    path = prepared(folder)
    with pytest.raises(UserError) as caught:
        run(path, out=folder / "out")
    message = str(caught.value)
    assert message.startswith("4 pictures cannot be used") and "skip_broken = true" in message
    for name in ("text.png", "zero.png", "cut.png", "small.png: 31x40 pixels, smaller than the 32x32"):
        assert name in message
    run(path, "data.skip_broken=true", out=folder / "out")
    data = manifest(folder / "out")["data"]
    assert data["samples"] == 5 and len(data["skipped"]) == 4
    # the other pictures are the same ones in the same order: the run is that of a folder without them
    for name in ("text.png", "zero.png", "cut.png", "small.png"):
        (folder / "photos" / name).unlink()
    run(path, out=folder / "clean")
    assert numbers(folder / "clean") == numbers(folder / "out")


def test_no_picture_that_can_be_used(folder: Path) -> None:
    path = prepared(folder)
    with pytest.raises(UserError, match="no training picture is left"):
        run(path, "data.patch_size=200", "data.skip_broken=true", out=folder / "out")
    write_photos(folder / "tiny", 2, (1, 40))
    with pytest.raises(UserError, match="no validation picture is left"):
        run(path, f"data.validate='{folder / 'tiny'}'", "data.skip_broken=true", out=folder / "out")


def test_photos_too_small_to_be_scored_are_refused_before_the_training(folder: Path) -> None:
    write_photos(folder / "held_out", 1, (13, 40), first=77)
    begun = time.monotonic()
    with pytest.raises(UserError, match=r"77\.png"):
        run(prepared(folder), out=folder / "out")
    assert time.monotonic() - begun < 20 and not (folder / "out/metrics.jsonl").exists()


def test_validation_photos_smaller_than_a_patch_one_photo_and_odd_sizes(folder: Path) -> None:
    for name in ("photos", "held_out"):
        for one in sorted((folder / name).iterdir())[1:]:
            one.unlink()
    write_photos(folder / "held_out", 1, (31, 27), first=20)  # in place of the other: odd, smaller than a patch
    outcome = run(prepared(folder), out=folder / "out")
    assert [row.images for row in outcome.rows] == [1, 1]
    (strip,) = outcome.strips
    assert strip == folder / "out/strips/20.png" and decode(strip).size
    assert outcome.rows[1].per_image["20.png"]["psnr-y"] is not None


def test_all_photos_too_small_to_be_judged_are_named_and_left_out_on_request(folder: Path) -> None:
    for number, side in enumerate(
        (3, 8, 14, 16)
    ):  # SSIM's window of 11 and two borders of 2 come to 15, and the scale is 2
        write_photos(folder / "held_out", 1, (side, 40), first=60 + number)
    write_photos(folder / "real", 2, (20, 24), first=50)
    (folder / "real/51.png").write_bytes((folder / "real/50.png").read_bytes()[:90])
    path = prepared(folder, extra='[validation]\nphotos = "real"\n')
    with pytest.raises(UserError, match="4 pictures cannot be used") as caught:
        run(path, out=folder / "out")
    for name in ("60.png: 40x3", "61.png: 40x8", "62.png: 40x14 pixels, too small to be judged by ssim-y", "51.png"):
        assert name in str(caught.value)
    assert "or write [validation] metrics without ssim-y" in str(caught.value)
    outcome = run(path, "data.skip_broken=true", out=folder / "out")
    judged = outcome.rows[1].per_image
    assert "63.png" in judged and not {"60.png", "61.png", "62.png"} & set(judged)
    kept = json.loads((folder / "out/manifest.json").read_text())["data"]["skipped"]
    assert len(kept) == 4 and "51.png" in kept[-1]
    left_out = "4 broken or too small pictures are left out (data.skip_broken)"
    assert any(one.startswith(left_out) for one in outcome.rows[1].warnings), "the table says so too"


def test_no_photos_to_judge_on(folder: Path) -> None:
    said: list[str] = []
    outcome = run(prepared(folder, WITHOUT), out=folder / "out", notices=said)
    assert outcome.run.step == 6 and outcome.rows == [] and not outcome.interrupted
    assert any("there is no table" in one for one in said)
    assert not (folder / "out/scores.json").exists() and not (folder / "out/validation.jsonl").exists()
    assert steps_kept(folder / "out") == [3, 6]


@pytest.mark.parametrize("text", [PLAIN, WITHOUT])
def test_photos_without_an_original_are_upscaled_beside(folder: Path, text: str) -> None:
    write_photos(folder / "real", 2, (20, 24), first=50)
    path = prepared(folder, text, extra='[validation]\nevery = 3\nphotos = "real"\n')
    outcome = run(path, out=folder / "out")
    for step in (3, 6):
        names = {one.name for one in (folder / f"out/samples/step-0000000{step}").iterdir()}
        assert {"photos__50.png", "photos__51.png"} <= names and len(names) == (4 if text == PLAIN else 2)
    assert {"photos__50.png", "photos__51.png"} <= {one.name for one in outcome.strips}
    assert outcome.rows[1].images == (2 if text == PLAIN else 0)
    assert scores_table(outcome.rows) is not None
    assert json.loads((folder / "out/scores.json").read_text())["rows"][1]["images"] == outcome.rows[1].images


def test_photos_that_would_have_one_file_have_two(folder: Path) -> None:
    made = sorted((folder / "held_out").iterdir())
    (folder / "held_out/b").mkdir()
    for name in ("a.jpg", "A.png", "b/1.png", "b__1.png"):
        with Image.open(made[0]) as image:
            image.save(folder / "held_out" / name)
    outcome = run(prepared(folder), out=folder / "out")
    wanted = {"20.png", "21.png", "a.png", "A-2.png", "b__1.png", "b__1-2.png"}
    assert {one.name for one in outcome.strips} == wanted and len(outcome.strips) == 6
    assert {one.name for one in (folder / "out/samples/step-00000006").iterdir()} == wanted


# --- what is left behind --------------------------------------------------------------------------------------------


def test_the_manifest(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = prepared(folder, GAN)
    monkeypatch.chdir(Path(__file__).parent)
    monkeypatch.setattr(waiting, "TOO_LONG", 1.0)
    run(path, "seed=5", out=folder / "out")
    content = manifest(folder / "out")
    assert content["seed"] == 5 and content["plugins"] == {} and content["warnings"] == []
    assert {"python", "torch", "torchvision", "numpy", "pillow"} <= content["versions"].keys()
    assert content["components"]["srkit:espcn"] == f"srkit {content['srkit']}"
    assert "parts.py" in content["components"]["./parts.py:Notches"]
    assert len(content["data"]["train"]) == len(content["data"]["validate"]) == 64
    assert isinstance(content["git"], str)
    (session,) = content["sessions"]
    assert session["threads"] == 1 and session["device"].startswith("cpu") and session["host"]


def test_metrics_name_each_term_and_measure_the_waiting(folder: Path) -> None:
    run(prepared(folder, GAN), out=folder / "out")
    lines = [json.loads(line) for line in (folder / "out/metrics.jsonl").read_text().splitlines()]
    assert [line["step"] for line in lines] == [3, 6, 9, 10]
    for line in lines:
        assert {"time", "lr", "lr_discriminator", "mse", "Notches", "Notches/far", "relativistic", "loss"} <= set(line)
        assert {"discriminator", "relativistic/capped", "images_per_second", "waiting"} <= set(line)
        assert 0 <= line["waiting"] <= 1 and line["images_per_second"] > 0
    # each term stands before its weight; in the second stage mse has 2, and the parts add up
    line = lines[-1]
    assert line["Notches"] == pytest.approx(line["Notches/far"] + line["Notches/near"], rel=1e-5)
    total = 2 * line["mse"] + 0.1 * line["Notches"] + 3e-3 * line["relativistic"]
    assert line["loss"] == pytest.approx(total, rel=1e-5)


def test_slow_pictures_show_as_waiting(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(waiting, "EARLY", 1)
    (folder / "slow.py").write_text(
        "import time\nimport numpy as np\n\n"
        "class Slow:\n"
        '    """Pictures that take a while."""\n\n'
        "    def __len__(self):\n        return 3\n\n"
        "    def __getitem__(self, index):\n"
        "        time.sleep(0.02)\n        return np.full((40, 40, 3), 60 * index, np.uint8)\n\n"
        "    def name(self, index):\n        return str(index)\n"
    )
    path = prepared(folder, PLAIN.replace('"photos"', '{ use = "./slow.py:Slow" }'))
    notices: list[str] = []
    outcome = run(path, "data.cache=0", "steps=8", out=folder / "out", notices=notices)
    line = json.loads((folder / "out/metrics.jsonl").read_text().splitlines()[-1])
    assert line["waiting"] > 0.5
    (warning,) = [one for one in notices if one.startswith("warning:")]
    assert "of the time the step waits for images. Raise data.workers" in warning
    assert not manifest(folder / "out")["warnings"] and not outcome.rows[1].warnings  # it says nothing of the result


@pytest.mark.parametrize(("higher", "best"), [(True, 2), (False, 3)])
def test_the_last_the_best_and_the_final_checkpoint_stay(tmp_path: Path, higher: bool, best: int) -> None:
    class FakeRun:
        wants = 0

        def request_checkpoint(self) -> None:
            self.wants += 1

    retention, fake = Retention(2, "score", higher), FakeRun()
    for step, score in enumerate([5.0, 9.0, 1.0, 5.0, 5.0, 5.0], 1):
        retention.srkit_validation_end(fake, step, {"score": score})  # type: ignore[arg-type]
        (tmp_path / f"step-{step:08d}").mkdir()
        retention.srkit_checkpoint_saved(step, tmp_path / f"step-{step:08d}")
    assert sorted(int(one.name[5:]) for one in tmp_path.iterdir()) == [best, 5, 6]
    assert fake.wants == 2
    other = Retention(2, "score", higher)
    other.load_state_dict(retention.state_dict())
    assert (other.best_step, other.best_score) == (best, 9.0 if higher else 1.0)


@pytest.mark.parametrize(
    ("name", "target"), [("gone", "no_such_module_anywhere"), ("unmarked", "tests.execution.unmarked_plugin")]
)
def test_a_plugin_that_cannot_be_loaded_or_does_not_fit_is_left_out_and_named(
    folder: Path, name: str, target: str
) -> None:
    from srkit.execution import execute

    registry = Registry([*Registry.installed().entries(), Entry(KINDS["plugins"], name, target, "sick", "1.0")])
    said: list[str] = []
    plan = plan_of(prepared(folder), registry=registry)
    outcome = execute(plan, registry, out=folder / "out", device="cpu", notice=said.append)
    assert outcome.rows and any("plugin is left out" in one and f"sick:{name}" in one for one in said)
    kept = json.loads((folder / "out/manifest.json").read_text())
    assert any(f"sick:{name}" in one for one in kept["warnings"]) and f"sick:{name}" not in kept["plugins"]


# --- before the run -------------------------------------------------------------------------------------------------


def test_a_dry_run_leaves_nothing_and_tells_plausible_numbers(
    folder: Path, tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(folder)
    path = prepared(folder, GAN)
    before = sorted(folder.rglob("*.*"))
    found = dry_run(plan_of(path), "cpu")
    assert [one for one in sorted(folder.rglob("*.*")) if "pycache" not in str(one)] == [
        one for one in before if "pycache" not in str(one)
    ]
    begun = time.monotonic()
    run(path, out=folder / "out")
    seconds = time.monotonic() - begun
    used = sum(one.stat().st_size for one in (folder / "out").rglob("*") if one.is_file())
    assert found.steps == 10 and found.validations == 5
    assert seconds / 20 < found.seconds < seconds * 20
    assert used / 4 < found.disk_bytes < used * 4
    assert 50e6 < found.memory_bytes < 50e9
    assert dry_run(plan_of(prepared(folder, WITHOUT), "steps=1"), "cpu").validations == 0


STAGES = """
[[stage]]
steps = 3
set = { "adversarial_loss.weight" = 0.0, "data.batch_size" = 2 }
[[stage]]
steps = 1
[[stage]]
steps = 6
"""


def test_a_dry_run_tries_every_stage(folder: Path) -> None:
    text = GAN[: GAN.index("[[stage]]")]
    found = dry_run(plan_of(prepared(folder, text + STAGES)), "cpu")
    assert [steps for steps, _ in found.stages] == [3, 1, 6] and all(seconds > 0 for _, seconds in found.stages)
    assert found.stages[2][1] > found.stages[0][1]  # a game against none, at twice the batch
    assert found.seconds_each.endswith(" s each, by stage")


def test_a_dry_run_does_not_need_what_only_posix_has(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    import srkit.dry_run

    monkeypatch.setattr(srkit.dry_run.sys, "platform", "win32")
    monkeypatch.setitem(sys.modules, "resource", None)
    assert dry_run(plan_of(prepared(folder)), "cpu").memory_bytes == 0


def test_auto_takes_fp32_on_a_card_that_only_emulates_bf16(monkeypatch: pytest.MonkeyPatch) -> None:
    card = torch.device("cuda")
    monkeypatch.setattr(torch.version, "hip", None)
    for capability, wanted in (((7, 5), "fp32"), ((6, 1), "fp32"), ((8, 0), "bf16"), ((9, 0), "bf16")):
        monkeypatch.setattr(torch.cuda, "get_device_capability", lambda *_, own=capability: own)
        precision, why = best_precision(card)
        assert precision == wanted
        assert ("emulates" in why) is (wanted == "fp32")


def test_auto_is_settled_said_and_written_down(folder: Path) -> None:
    said: list[str] = []
    run(prepared(folder, PLAIN.replace('precision = "fp32"', 'precision = "auto"')), out=folder / "out", notices=said)
    precision, _ = best_precision(torch.device("cpu"))
    assert any(one.startswith(f"precision {precision}: ") for one in said)
    assert f'precision = "{precision}"' in (folder / "out/experiment.toml").read_text()


def test_a_perfect_picture_is_null_and_not_nan(folder: Path) -> None:
    """Flat photos are upscaled without error by a trained network at most nearly, by bicubic exactly."""
    for one in (folder / "held_out").iterdir():
        Image.fromarray(np.full((40, 40, 3), 128, np.uint8)).save(one)
    outcome = run(prepared(folder), out=folder / "out")
    assert outcome.rows[0].metrics["psnr-y"].mean is None
    text = (folder / "out/scores.json").read_text()
    assert json.loads(text)["rows"][0]["metrics"]["psnr-y"]["mean"] is None and "NaN" not in text
    assert math.isfinite(last(folder / "out").state["step"])


def test_run_and_dry_run_try_the_largest_image_first(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = prepared(tmp_path, PLAIN.replace("steps = 6", "steps = 1"))
    Image.new("RGB", (90, 120), (9, 80, 200)).save(tmp_path / "held_out" / "large.png")
    seen: list[str] = []
    own = dataclasses.replace

    def replaced(judge: Any, photos: list[Any]) -> Any:
        seen.extend(one.name for one in photos)
        return own(judge, photos=photos)

    monkeypatch.setattr("srkit.evaluation.judging.replace", replaced)
    dry_run(plan_of(path), "cpu")
    assert seen[:1] == ["large.png"]
    seen.clear()
    run(path, "steps=1", out=tmp_path / "out")
    assert seen[:1] == ["large.png"]


def test_a_flat_image_makes_neither_validations_nor_the_table_infinite(folder: Path) -> None:
    Image.new("RGB", (40, 36), (90, 20, 200)).save(folder / "held_out/flat.png")
    said: list[str] = []
    outcome = run(prepared(folder, extra="[validation]\nevery = 3\n"), out=folder / "out", notices=said)
    assert any(one.startswith("warning: PSNR-Y is infinite where a flat image is reproduced") for one in said)
    bicubic, own = outcome.rows
    assert bicubic.per_image["flat.png"]["psnr-y"] is None and bicubic.metrics["psnr-y"].mean is None
    rest = [scores["psnr-y"] for name, scores in own.per_image.items() if name != "flat.png"]
    assert own.metrics["psnr-y"].shown == pytest.approx(np.mean(rest))
    validations = [json.loads(line) for line in (folder / "out/validation.jsonl").read_text().splitlines()]
    assert validations[-1]["psnr-y"] == pytest.approx(np.mean(rest)), "over the same images, whatever the network made"
    ssims = [scores["ssim-y"] for scores in own.per_image.values()]
    assert validations[-1]["ssim-y"] == pytest.approx(np.mean(ssims)), "a finite metric leaves nothing out"
    (written, _) = json.loads((folder / "out/scores.json").read_text())["rows"]
    assert written["metrics"]["psnr-y"]["mean"] is None and written["metrics"]["psnr-y"]["left_out"] == ["flat.png"]
    lines = text_of(scores_table(outcome.rows))
    assert "PSNR-Y is infinite on flat.png (bicubic)" in lines and " inf" not in lines.replace(" infinite", "")


def text_of(table: Table) -> str:
    console = Console(width=160, file=io.StringIO())
    with console.capture() as caught:
        console.print(table)
    return " ".join(caught.get().split())
