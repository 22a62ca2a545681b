"""Distillation: a run learns from another's model, which is frozen, named with its hash, and none of the run's own."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import pytest
import torch

import srkit as package
from srkit.errors import UserError
from tests.cli.conftest import Command, srkit
from tests.execution.support import GAN, PLAIN, assert_same_run, changed, last, numbers, prepared, run

__all__ = ["srkit"]

LEARNS = """
[[feature_loss]]
use = "teacher"
model = "big"
weight = 0.5
"""


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder with a trained run `big` of wider layers."""
    monkeypatch.chdir(tmp_path)
    run(prepared(tmp_path, changed(PLAIN, channels="12", steps="4"), "big.toml"), out=tmp_path / "big")
    return tmp_path


def test_the_student_nears_its_teacher_and_keeps_nothing_of_it(folder: Path) -> None:
    text = changed(PLAIN, steps="60").replace('[[pixel_loss]]\nuse = "mse"\n', "")
    path = prepared(folder, text + LEARNS)
    done = run(path, out=folder / "out")
    lines = numbers(folder / "out")
    assert lines[-1]["teacher/pixels"] < 0.7 * lines[0]["teacher/pixels"]
    saved = last(folder / "out")
    assert saved.state["losses"]["teacher"] == {}
    facts = json.loads((folder / "out" / "manifest.json").read_text())["facts"]["feature_loss.teacher"]
    assert facts == {"model": str(folder / "big"), "sha256": package.load(folder / "big").identity}
    teacher = done.run.assembly.losses["teacher"].teacher
    assert not teacher.training and not any(one.requires_grad for one in teacher.parameters())
    for ours, theirs in zip(
        teacher.network.parameters(), package.load(folder / "big").network.parameters(), strict=True
    ):
        assert torch.equal(ours, theirs)


def test_layers_of_a_gan_with_accumulation_resume_bit_for_bit(folder: Path) -> None:
    layers = LEARNS + 'layers = ["layers.0", "layers.2"]\nfeatures = 3.0\n'
    path = prepared(folder, GAN.replace("[discriminator]", layers + "[discriminator]", 1))
    run(path, out=folder / "whole")
    first = numbers(folder / "whole")[0]
    assert {"teacher/pixels", "teacher/layers.0", "teacher/layers.2"} <= set(first)
    assert first["teacher"] == pytest.approx(sum(value for key, value in first.items() if key.startswith("teacher/")))
    shutil.copytree(folder / "whole", folder / "again")
    for kept in sorted((folder / "again" / "checkpoints").iterdir())[1:]:
        shutil.rmtree(kept)
    run(path, out=folder / "again", resume=True)
    assert_same_run(folder / "whole", folder / "again")


def test_a_run_goes_on_with_the_same_teacher_alone(folder: Path) -> None:
    path = prepared(folder, PLAIN + LEARNS)
    run(path, "steps=3", out=folder / "out")
    run(folder / "big" / "experiment.toml", "steps=5", out=folder / "big", resume=True)
    with pytest.raises(UserError, match="feature_loss.teacher: .*big holds other weights now") as refused:
        run(path, out=folder / "out", resume=True)
    assert refused.value.exit_code == 2


@pytest.mark.parametrize(
    ("options", "line", "key", "message"),
    [
        ('model = "bog"', 26, "model", "there is no such run"),
        ('model = "photos"', 26, "model", "neither a run nor"),
        ('model = "held_out/20.png"', 26, "model", "20.png"),
        ('model = "big"\nlayers = ["layers.9"]', 27, "layers", "no layer 'layers.9'"),
        ('model = "big"\nlayers = { "layers.0" = "layers.8" }', 27, "layers", "big: Espcn has no layer 'layers.8'"),
        ('model = "big"\nlayers = { "layer" = "layers.0" }', 27, "layers", "looks at the generator"),
        ('model = "big"\nlayers = { "layers.0" = "pixel_shuffle" }', 27, "layers", "of one height and width"),
        ('model = "big"\npixels = 0', 27, "pixels", "nothing is compared"),
        ('model = "big"\npixels = -1', 27, "pixels", "negative"),
        ("", 24, "", "missing"),
    ],
)
def test_check_says_what_cannot_be_taught(
    folder: Path, options: str, line: int, key: str, message: str, srkit: Command
) -> None:
    prepared(folder, PLAIN + '\n\n[[feature_loss]]\nuse = "teacher"\n' + options + "\n")
    said = srkit("check", "tiny.toml", "--json")
    (problem,) = json.loads(said.out)
    assert said.code == 2 and message in problem["message"] + problem["hint"], problem
    assert problem["key"] == f"feature_loss.teacher.{key}".rstrip(".") and problem["line"] == line, problem


def test_another_scale_is_refused_by_check_and_run(folder: Path, srkit: Command) -> None:
    prepared(folder, changed(PLAIN, scale="3", patch_size="33") + LEARNS)
    for command in ("check", "run"):
        said = srkit(command, "tiny.toml")
        assert said.code == 2 and "enlarges by 2, this experiment by 3" in " ".join((said.out + said.err).split()), said


def test_inspect_and_dry_run_know_a_teacher(folder: Path, srkit: Command) -> None:
    prepared(folder, PLAIN + LEARNS + 'layers = ["layers.0"]\n')
    for command in (("inspect", "tiny.toml"), ("run", "tiny.toml", "--dry-run")):
        said = srkit(*command)
        assert said.code == 0 and "cannot be counted" not in said.out and "left out" not in said.out, said.out
