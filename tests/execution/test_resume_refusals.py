"""What --resume goes on with, what it passes over, what it refuses."""

import json
import shutil
from pathlib import Path

import pytest
import tomli
import tomli_w

from srkit.errors import SrkitError, UserError
from srkit.evaluation.curves import read_curves
from srkit.inference.model import load_model
from srkit.inference.run_models import run_checkpoints, run_model
from srkit.registry import Registry
from srkit.training import checkpoint
from srkit.training.checkpoint import CorruptCheckpoint
from tests.execution.support import (
    GAN,
    PLAIN,
    assert_same_run,
    last,
    prepared,
    run,
    same,
    scores,
    steps_kept,
    unbound,
    write_photos,
)


@pytest.fixture
def whole(tmp_path: Path) -> Path:
    """A finished run with checkpoints of the steps 2, 4 and 6."""
    path = prepared(tmp_path, PLAIN.replace("every = 3", "every = 2"))
    run(path, out=tmp_path / "whole")
    return tmp_path / "whole"


def halve(file: Path) -> None:
    file.write_bytes(file.read_bytes()[: file.stat().st_size // 2])


def flip(file: Path) -> None:
    content = bytearray(file.read_bytes())
    content[len(content) // 2] ^= 1
    file.write_bytes(content)


@pytest.mark.parametrize("name", ["generator.safetensors", "state.safetensors", "state.json"])
@pytest.mark.parametrize("damage", [halve, flip, Path.unlink])
def test_a_damaged_newest_checkpoint_is_named_and_the_one_before_is_used(whole: Path, name: str, damage) -> None:
    out = whole.parent / "damaged"
    shutil.copytree(whole, out)
    damage(out / "checkpoints/step-00000006" / name)
    said: list[str] = []
    run(whole.parent / "tiny.toml", out=out, resume=True, notices=said)
    (warning,) = [one for one in said if one.startswith("warning")]
    assert "step-00000006 is not whole" in warning and name in warning and "using step-00000004" in warning
    assert any("after step 4 of 6" in one for one in said)
    assert_same_run(whole, out)


def test_a_damaged_checkpoint_takes_no_good_one_s_place(tmp_path: Path) -> None:
    path = prepared(tmp_path, PLAIN.replace("every = 3", "every = 1\nkeep = 1"))
    run(path, out=tmp_path / "out")
    good = tmp_path / "out/checkpoints/step-00000006"
    late = tmp_path / "out/checkpoints/step-00000009"
    shutil.copytree(good, late)
    halve(late / "generator.safetensors")
    run(path, "steps=8", out=tmp_path / "out", resume=True)
    assert steps_kept(tmp_path / "out") == [8, 9]


def test_no_whole_checkpoint_is_an_error_that_names_each(whole: Path) -> None:
    for one in checkpoint.checkpoints(whole / "checkpoints"):
        halve(one / "state.safetensors")
    with pytest.raises(CorruptCheckpoint) as caught:
        run(whole.parent / "tiny.toml", out=whole, resume=True)
    assert caught.value.exit_code == 2
    assert all(f"step-0000000{step} is not whole" in str(caught.value) for step in (2, 4, 6))
    with pytest.raises(CorruptCheckpoint, match="no checkpoint can be used"):
        load_model(whole, Registry.installed())


def test_another_experiment_is_refused_with_all_differences(whole: Path) -> None:
    before = (whole / "experiment.toml").read_bytes()
    path = whole.parent / "tiny.toml"
    with pytest.raises(UserError) as caught:
        run(path, "seed=4", "generator.channels=16", "steps=5", "pixel_loss.mse.use=l1", out=whole, resume=True)
    message = str(caught.value)
    for part in (
        "seed: 3 -> 4",
        "generator.channels: 8 -> 16",
        "steps: 6 -> 5",
        '"srkit:mse" -> "srkit:l1"',
        "another experiment",
    ):
        assert part in message, part
    assert caught.value.exit_code == 2
    assert (whole / "experiment.toml").read_bytes() == before


def test_other_code_is_refused(tmp_path: Path) -> None:
    path = prepared(tmp_path, GAN.replace("steps = 4", "steps = 1").replace("steps = 6", "steps = 1"))
    run(path, out=tmp_path / "out")
    (tmp_path / "parts.py").write_text((tmp_path / "parts.py").read_text() + "# changed\n")
    with pytest.raises(UserError, match="parts.py is not what this run began with"):
        run(path, out=tmp_path / "out", resume=True)


def test_other_pictures_are_refused(whole: Path) -> None:
    write_photos(whole.parent / "photos", 1, first=11)
    with pytest.raises(UserError, match="data.train: images were added"):
        run(whole.parent / "tiny.toml", out=whole, resume=True)


def test_nothing_to_resume(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = prepared(tmp_path)
    monkeypatch.chdir(tmp_path)
    with pytest.raises(UserError, match="no run of 'tiny'"):
        run(path, resume=True)
    with pytest.raises(UserError, match="not a run folder"):
        run(path, out=tmp_path / "photos", resume=True)


def test_runs_are_numbered_never_overwritten_and_the_newest_is_resumed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = prepared(tmp_path)
    monkeypatch.chdir(tmp_path)
    for _ in range(2):
        run(path, "steps=1")
    assert sorted(one.name for one in Path("runs").iterdir()) == ["tiny", "tiny-2"]
    with pytest.raises(UserError, match="never overwritten.*--resume"):
        run(path, out=Path("runs/tiny"))
    with pytest.raises(UserError, match="never overwritten. Choose"):
        run(path, out=Path("photos"))
    outcome = run(path, "steps=2", resume=True)
    assert outcome.run.folder == tmp_path / "runs/tiny-2" and outcome.run.resumed_from == 1
    # the run folder itself in place of the experiment
    outcome = run(Path("runs/tiny/experiment.toml"), "steps=3", resume=True)
    assert outcome.run.folder == tmp_path / "runs/tiny" and outcome.run.resumed_from == 1
    # in place of a new run's experiment
    outcome = run(Path("runs/tiny/experiment.toml"))
    assert outcome.run.folder == tmp_path / "runs/tiny-3" and outcome.run.step == 3


def test_a_failed_start_does_not_take_the_folder(tmp_path: Path) -> None:
    path = prepared(tmp_path)
    (tmp_path / "photos/bad.png").write_text("no picture")
    with pytest.raises(UserError, match="bad.png"):
        run(path, out=tmp_path / "out")
    (tmp_path / "photos/bad.png").unlink()
    run(path, "steps=1", out=tmp_path / "out")


def test_a_lost_experiment_or_manifest_is_said(whole: Path) -> None:
    (whole / "manifest.json").write_text("{")
    with pytest.raises(UserError, match="manifest.json cannot be read"):
        run(whole.parent / "tiny.toml", out=whole, resume=True)


def test_a_checkpoint_of_other_networks_is_an_error(whole: Path) -> None:
    folder = whole / "checkpoints"
    saved = last(whole)
    saved.modules["generator"].popitem()
    checkpoint.save(folder, 6, saved.modules, saved.state)
    with pytest.raises(SrkitError, match="does not fit"):
        run(whole.parent / "tiny.toml", out=whole, resume=True)


def test_the_run_s_own_experiment_gives_the_same_run(tmp_path: Path) -> None:
    text = GAN.replace("steps = 4", "epochs = 2").replace("steps = 6", "steps = 2")
    text = text.replace("[validation]\n", '[validation]\nmetrics = ["psnr-y", "./parts.py:Flaw"]\n')
    path = prepared(tmp_path, text.replace('best = "psnr-y"', 'best = "Flaw"'))
    one, other = tmp_path / "one", tmp_path / "other"
    run(path, out=one)
    (tmp_path / "parts.py").rename(tmp_path / "gone.py")  # the copy is used
    moved = tmp_path / "elsewhere" / "one"
    shutil.copytree(one, moved)
    run(moved / "experiment.toml", out=other)
    assert same(last(one).modules, last(other).modules)
    assert_same_run(one, other)
    assert set(scores(other)["rows"][1]["metrics"]) == {"psnr-y", "Flaw"}
    assert (other / "code/parts.py").read_bytes() == (one / "code/parts.py").read_bytes()
    assert tomli.loads((one / "experiment.toml").read_text()) == tomli.loads((other / "experiment.toml").read_text())
    said: list[str] = []
    run(other / "experiment.toml", resume=True, notices=said)
    assert json.loads((other / "manifest.json").read_text())["sessions"][1]["threads"] == 1


def without(file: Path, *keys: tuple[str, ...]) -> None:
    """As an srkit wrote it that did not know these options yet."""
    tree = tomli.loads(file.read_text(encoding="utf-8"))
    for *tables, key in keys:
        below = tree
        for one in tables:
            below = below[one]
        del below[key]
    file.write_text(tomli_w.dumps(tree), encoding="utf-8")


def test_an_option_that_is_newer_than_the_run_had_its_default(whole: Path) -> None:
    file = whole / "experiment.toml"
    without(file, ("generator", "icnr"), ("optimizer", "amsgrad"), ("log", "tensorboard"))
    run(whole.parent / "tiny.toml", out=whole, resume=True)
    assert tomli.loads(file.read_text(encoding="utf-8"))["generator"]["icnr"] is False
    without(file, ("generator", "icnr"))
    with pytest.raises(UserError, match=r"generator\.icnr: false -> true"):
        run(whole.parent / "tiny.toml", "generator.icnr=true", out=whole, resume=True)


def test_a_run_whose_component_is_gone_is_compared_as_it_stands(whole: Path) -> None:
    file = whole / "experiment.toml"
    file.write_text(file.read_text(encoding="utf-8").replace('use = "srkit:espcn"', 'use = "gone"'), encoding="utf-8")
    with pytest.raises(UserError, match=r'generator\.use: "gone" -> "srkit:espcn"'):
        run(whole.parent / "tiny.toml", out=whole, resume=True)


@pytest.fixture
def of_another_seed(whole: Path) -> Path:
    """The run, whose newest checkpoint was copied in from a run with another seed."""
    other = whole.parent / "other"
    run(whole.parent / "tiny.toml", "seed=4", out=other)
    shutil.rmtree(whole / "checkpoints/step-00000006")
    shutil.copytree(other / "checkpoints/step-00000006", whole / "checkpoints/step-00000006")
    return whole


EVERYONE = {
    "resume": lambda out: run(out.parent / "tiny.toml", out=out, resume=True),
    "load": lambda out: load_model(out, Registry.installed()),
    "load the checkpoint": lambda out: load_model(out / "checkpoints/step-00000006", Registry.installed()),
    "bench": lambda out: run_model(out, Registry.installed()),
    "bench the checkpoint": lambda out: run_model(out / "checkpoints/step-00000006", Registry.installed()),
    "bench --checkpoints": lambda out: run_checkpoints(out, Registry.installed()),
    "init": lambda out: run(out.parent / "tiny.toml", f"init.generator={out}", out=out.parent / "next"),
}
"""Whoever reads a run's checkpoints."""


@pytest.mark.parametrize("how", EVERYONE)
def test_a_checkpoint_of_another_experiment_is_refused_with_what_differs(how: str, of_another_seed: Path) -> None:
    with pytest.raises(UserError, match="step-00000006") as caught:
        EVERYONE[how](of_another_seed)
    assert "seed: 4 there, 3 here" in " ".join(str(caught.value).split())
    assert caught.value.exit_code == 2


@pytest.mark.parametrize("how", EVERYONE)
def test_a_run_whose_own_experiment_was_edited_is_refused(how: str, whole: Path) -> None:
    file = whole / "experiment.toml"
    file.write_text(file.read_text().replace("seed = 3", "seed = 99"))
    if how == "resume":
        with pytest.raises(UserError, match="seed: 3 there, 99 here"):
            run(file, out=whole, resume=True)
        return
    with pytest.raises(UserError, match="seed: 3 there, 99 here"):
        EVERYONE[how](whole)


@pytest.mark.parametrize("how", EVERYONE)
def test_a_renamed_checkpoint_is_refused(how: str, whole: Path) -> None:
    (whole / "checkpoints/step-00000006").rename(whole / "checkpoints/step-00000060")
    (whole / "checkpoints/step-00000004").rename(whole / "checkpoints/step-00000006")
    with pytest.raises(UserError, match=r"holds step [46]: it was renamed\. Call it step-0000000[46] again"):
        EVERYONE[how](whole)


def test_what_a_resumed_run_may_change_and_where_it_lies_bind_no_checkpoint(whole: Path, tmp_path: Path) -> None:
    moved = tmp_path / "elsewhere" / "moved"
    moved.parent.mkdir()
    whole.rename(moved)
    run(moved.parent.parent / "tiny.toml", "steps=8", "log.every=1", "checkpoint.keep=9", out=moved, resume=True)
    assert steps_kept(moved)[-1] == 8
    assert load_model(moved, Registry.installed()).scale == 2


def test_a_checkpoint_from_before_is_resumed_with_one_warning_and_bound_from_then_on(whole: Path) -> None:
    unbound(whole)
    said: list[str] = []
    run(whole.parent / "tiny.toml", "steps=8", out=whole, resume=True, notices=said)
    (warning,) = [one for one in said if one.startswith("warning")]
    assert "step-00000006 is of an earlier srkit" in warning
    said.clear()
    run(whole.parent / "tiny.toml", "steps=10", out=whole, resume=True, notices=said)
    assert not [one for one in said if one.startswith("warning")]
    edited = whole / "experiment.toml"
    edited.write_text(edited.read_text().replace("seed = 3", "seed = 99"))
    with pytest.raises(UserError, match="seed: 3 there, 99 here"):
        run(edited, out=whole, resume=True)


def test_a_checkpoint_from_before_is_compared_by_what_it_holds(whole: Path) -> None:
    unbound(whole)
    text = (whole / "experiment.toml").read_text()
    (whole / "experiment.toml").write_text(text.replace('name = "mse"', 'name = "other"'))
    with pytest.raises(UserError, match="losses mse in place of other"):
        run(whole / "experiment.toml", out=whole, resume=True)


@pytest.mark.parametrize("name", ["metrics.jsonl", "validation.jsonl"])
@pytest.mark.parametrize("harm", ["cut", "emptied", "doubled", "a line that is null"])
def test_numbers_that_were_lost_or_doubled_are_said_and_the_rest_is_kept(harm: str, name: str, tmp_path: Path) -> None:
    path = prepared(tmp_path, PLAIN.replace("steps = 6", "steps = 6\nvalidation = { every = 2 }"))
    run(path, out=tmp_path / "out")
    file = tmp_path / "out" / name
    lines = file.read_text().splitlines(keepends=True)
    changed = {"cut": lines[:2], "emptied": [], "doubled": lines * 2, "a line that is null": ["null\n", *lines]}
    file.write_text("".join(changed[harm]))
    said: list[str] = []
    run(path, "steps=8", out=tmp_path / "out", resume=True, notices=said)
    (warning,) = [one for one in said if one.startswith("warning")]
    assert {"cut": "step 6 are lost", "emptied": "3 steps (2, 4, 6) are lost", "doubled": "twice"}.get(
        harm, "damaged: line 1"
    ) in warning and name in warning
    there = [2, 4, *([2] if harm == "emptied" else [6]), 8]
    records = [json.loads(line) for line in file.read_text().splitlines()]
    assert [one["step"] for one in records] == ([2, 8] if harm == "emptied" else there)
    assert [one["step"] for one in records if "missing" in one] == {"cut": [6], "emptied": [2]}.get(harm, [])
    said.clear()
    run(path, "steps=10", out=tmp_path / "out", resume=True, notices=said)
    assert not [one for one in said if one.startswith("warning")]
    curves = read_curves(tmp_path / "out")
    (series, *_) = (curves.metrics if name == "metrics.jsonl" else curves.validation).values()
    assert series.steps[-1] == 10 and (None in series.values) == (harm in ("cut", "emptied"))
