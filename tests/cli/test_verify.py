"""`srkit verify`: a run is what it recorded, or what is different is named."""

from __future__ import annotations

import json
import os
import shutil
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image
from safetensors.torch import load_file, save_file

from srkit.data.packed import write_packed
from srkit.registry.code import code_digest
from tests.cli.conftest import Command
from tests.execution.support import GAN, PLAIN, prepared, run


@pytest.fixture(scope="module")
def finished(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with a finished run beside its photos."""
    folder = tmp_path_factory.mktemp("finished")
    run(prepared(folder, PLAIN), out=folder / "run")
    return folder


@pytest.fixture
def here(finished: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A copy of the run to change, and its photos as they were."""
    shutil.copytree(finished / "run", tmp_path / "run")
    monkeypatch.chdir(tmp_path)
    return tmp_path


def test_a_run_is_equal_to_its_results_wherever_it_goes(here: Path, srkit: Command) -> None:
    said = srkit("verify", "run", "--rescore", "--device", "cpu")
    assert said.code == 0, said.err + said.out
    assert said.out.splitlines()[0] == "run: scores measured here as recorded, within 1e-06"
    assert said.out.splitlines()[1].startswith("run: equal to its results ")
    [one] = json.loads(srkit("verify", "run", "--json").out)
    assert one["equal"] and len(one["results"]) == 12 and one["not_checked"] == []
    (here / "run").rename(here / "elsewhere")
    assert srkit("verify", "elsewhere").code == 0


def test_nothing_of_time_and_place_is_in_it(finished: Path) -> None:
    text = (finished / "run" / "results.json").read_text()
    assert str(finished) not in text and "time" not in text and "host" not in text
    content = json.loads(text)
    assert set(content) == {"format", "step", "experiment", "weights", "scores", "code", "data"}
    assert content["step"] == 6 and set(content["data"]) == {"train", "validate"} and content["code"] is None


def weights(run: Path) -> None:
    path = run / "checkpoints" / "step-00000006" / "generator.safetensors"
    content = bytearray(path.read_bytes())
    content[-1] ^= 1
    path.write_bytes(content)


def scores(run: Path, row: int = -1) -> None:
    content = json.loads((run / "scores.json").read_text())
    content["rows"][row]["metrics"]["psnr-y"]["mean"] += 1
    (run / "scores.json").write_text(json.dumps(content))


def parameters(run: Path) -> None:
    content = json.loads((run / "scores.json").read_text())
    content["rows"][-1]["parameters"] = 1
    (run / "scores.json").write_text(json.dumps(content))


def zeros(run: Path) -> None:
    path = run / "checkpoints" / "step-00000006" / "generator.safetensors"
    save_file({name: torch.zeros_like(one) for name, one in load_file(path).items()}, path)


def replaced(run: Path, old: str, new: str) -> None:
    path = run / "experiment.toml"
    assert old in path.read_text()
    path.write_text(path.read_text().replace(old, new))


def experiment(run: Path) -> None:
    path = run / "experiment.toml"
    path.write_text(path.read_text().replace("seed = 3", "seed = 99"))


def code(run: Path) -> None:
    (run / "code").mkdir()
    (run / "code" / "net.py").touch()


def listing(run: Path) -> None:
    content = json.loads((run / "data.json").read_text())
    content["files"]["train"]["00.png"]["sha256"] = "0" * 64
    (run / "data.json").write_text(json.dumps(content))


DIFFERENT: dict[str, tuple[Callable[[Path], None], str]] = {
    "weights": (weights, "the weights of the generator are other ones"),
    "a checkpoint that has gone": (
        lambda run: shutil.rmtree(run / "checkpoints" / "step-00000006"),
        "the last checkpoint is of step 3, and it was of 6",
    ),
    "zeroed weights": (zeros, "the weights of the generator are other ones"),
    "weights that have gone": (
        lambda run: (run / "checkpoints" / "step-00000006" / "generator.safetensors").unlink(),
        "the weights of the generator are missing",
    ),
    "scores": (scores, "scores.json has other scores"),
    "scores of bicubic": (lambda run: scores(run, 0), "scores.json has other scores"),
    "parameters": (parameters, "scores.json has other scores"),
    "scores that are none": (lambda run: (run / "scores.json").unlink(), "scores.json has other scores"),
    "damaged scores": (lambda run: (run / "scores.json").write_text("[]"), "scores.json cannot be read"),
    "the experiment": (experiment, "experiment.toml describes another experiment"),
    "a key that nobody knows": (
        lambda run: replaced(run, "seed = 3", "seed = 3\ncolour = 1"),
        "experiment.toml describes another experiment",
    ),
    "a component that is not here": (
        lambda run: replaced(run, '"srkit:espcn"', '"weave"'),
        "experiment.toml cannot be compared here: no generator 'weave'",
    ),
    "no TOML": (lambda run: replaced(run, "seed = 3", "seed ="), "experiment.toml cannot be compared here"),
    "code": (code, "the copies of own code in code/ were changed"),
    "the list of files": (listing, "data.json and results.json are of different files of data.train: 00.png"),
}


@pytest.mark.parametrize("case", DIFFERENT)
def test_what_is_different_is_named(case: str, here: Path, srkit: Command) -> None:
    change, sentence = DIFFERENT[case]
    change(here / "run")
    said = srkit("verify", "run")
    assert said.code == 1, said.out + said.err
    assert sentence in said.out
    if case != "a checkpoint that has gone":
        assert len(said.out.splitlines()) == 1


def test_images_that_changed_are_named_and_those_that_are_not_here_are_said(
    finished: Path, here: Path, srkit: Command
) -> None:
    shutil.copytree(finished / "photos", here / "photos")
    shutil.copytree(finished / "held_out", here / "held_out")
    for name in ("data.json",):
        path = here / "run" / name
        path.write_text(path.read_text().replace(str(finished), str(here)))
    assert srkit("verify", "run").code == 0
    first = sorted((here / "photos").glob("*.png"))[0]
    Image.new("RGB", (64, 64)).save(first)
    said = srkit("verify", "run")
    assert said.code == 1 and f"data.train: {first.name} changed since the run" in said.out
    shutil.rmtree(here / "photos")
    said = srkit("verify", "run")
    assert said.code == 0 and "not checked: data.train: 5 of 5 files are not here: 00.png, " in said.out
    (here / "run" / "data.json").unlink()
    said = srkit("verify", "run")
    assert said.code == 0 and "not checked: data.train: data.json does not say where its files are" in said.out


def test_without_results_there_is_nothing_to_compare_with(here: Path, srkit: Command) -> None:
    (here / "run" / "results.json").unlink()
    said = srkit("verify", "run")
    assert said.code == 2 and "run has no results.json" in said.err and len(said.err.splitlines()) == 1
    (here / "run" / "results.json").write_text('{"step": 3}')
    said = srkit("verify", "run")
    assert said.code == 2 and "results.json cannot be read" in said.err
    assert srkit("verify", "absent").code == 2


def test_other_scores_are_found_by_judging_again(here: Path, srkit: Command) -> None:
    content = json.loads((here / "run" / "scores.json").read_text())
    image = next(iter(content["rows"][-1]["per_image"]))
    content["rows"][-1]["per_image"][image]["psnr-y"] += 1
    (here / "run" / "scores.json").write_text(json.dumps(content))
    said = srkit("verify", "run", "--rescore", "--device", "cpu")
    assert said.code == 1 and f"{image}: psnr-y is " in said.out and "measured here" in said.out


def test_the_runs_of_a_study(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, srkit: Command) -> None:
    monkeypatch.chdir(tmp_path)
    prepared(tmp_path, PLAIN)
    study = ("run", "tiny.toml", "--set", "matrix.seed=[1, 2]", "--set", "steps=2", "--out", "study", "--device", "cpu")
    assert srkit(*study, "--quiet").code == 0
    assert srkit("verify", "study").out.count("equal to its results") == 2
    said = srkit("table", "study")
    assert "scores as recorded" in said.out and "results: seed1 " in said.out


def test_a_resumed_run_comes_to_the_same_file(tmp_path: Path) -> None:
    path = prepared(tmp_path, GAN)
    run(path, out=tmp_path / "whole")
    total = json.loads((tmp_path / "whole" / "results.json").read_text())["step"]
    shutil.copytree(tmp_path / "whole", tmp_path / "part")
    for checkpoint in sorted((tmp_path / "part" / "checkpoints").iterdir())[1:]:
        shutil.rmtree(checkpoint)
    (tmp_path / "part" / "data.json").unlink()
    run(path, out=tmp_path / "part", resume=True)
    whole, part = ((tmp_path / one / "results.json").read_bytes() for one in ("whole", "part"))
    assert whole == part and total > 3
    assert set(json.loads(whole)["weights"]) == {"generator", "discriminator", "ema"}
    assert json.loads(whole)["code"] == code_digest(tmp_path / "whole" / "code")


def test_a_run_with_own_code_is_compared_without_it_and_judged_with_trust(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, srkit: Command
) -> None:
    monkeypatch.chdir(tmp_path)
    text = PLAIN.replace("steps = 6", "steps = 1") + '[validation]\nmetrics = ["psnr-y", "./parts.py:Flaw"]\n'
    run(prepared(tmp_path, text), out=tmp_path / "run")
    monkeypatch.setenv("SRKIT_CONFIG", str(tmp_path / "nobody"))  # this user has trusted nothing
    assert srkit("verify", "run").code == 0
    said = srkit("verify", "run", "--rescore", "--device", "cpu")
    assert said.code == 2 and "cannot be measured again here" in said.err and "parts.py" in said.err
    said = srkit("verify", "run", "--rescore", "--device", "cpu", "--trust")
    assert said.code == 0 and "scores measured here as recorded" in said.out, said.err + said.out
    (tmp_path / "run" / "code" / "parts.py").write_text("raise SystemExit(7)\n")
    said = srkit("verify", "run")
    assert said.code == 1 and "the copies of own code in code/ were changed" in said.out


def test_the_images_of_a_packed_set_are_held_against_its_index(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, srkit: Command
) -> None:
    monkeypatch.chdir(tmp_path)
    text = PLAIN.replace("steps = 6", "steps = 1")
    path = prepared(tmp_path, text.replace('train = "photos"', 'train = { use = "packed", path = "pack" }'))
    noise = np.random.default_rng(1).integers(0, 255, (3, 40, 40, 3), dtype=np.uint8)
    write_packed(tmp_path / "pack", [(f"{number}.png", one) for number, one in enumerate(noise)])
    run(path, out=tmp_path / "run")
    assert set(json.loads(Path("run/results.json").read_text())["data"]["train"]) == {"index.json"}
    assert srkit("verify", "run").code == 0
    content = bytearray(Path("pack/pictures.npy").read_bytes())
    content[-1] ^= 1
    Path("pack/pictures.npy").write_bytes(content)
    said = srkit("verify", "run")
    assert said.code == 1 and "data.train: index.json or pictures.npy beside it changed since the run" in said.out


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="named pipes are a thing of POSIX")
def test_a_named_pipe_is_not_waited_for(here: Path, srkit: Command) -> None:
    for name in ("scores.json", "data.json", "checkpoints/step-00000006/generator.safetensors"):
        (here / "run" / name).unlink()
        os.mkfifo(here / "run" / name)
    (here / "run" / "code").mkdir()
    os.mkfifo(here / "run" / "code" / "net.py")
    assert srkit("verify", "run").code == 1
    (here / "run" / "results.json").unlink()
    os.mkfifo(here / "run" / "results.json")
    assert srkit("verify", "run").code == 2
