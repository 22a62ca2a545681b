"""`init`: networks begin with what a run or a file holds, in any wrapping; what does not fit is said by name."""

import hashlib
import json
import re
import shutil
import sys
from pathlib import Path
from typing import Any

import pytest
import torch
from safetensors.torch import save_file
from torch import Tensor

from srkit.assembly import assemble
from srkit.errors import ExperimentError
from srkit.inference.initial import check_initial, initialise
from srkit.inference.weights import read_weights
from tests.execution.support import (
    GAN,
    PLAIN,
    KillAt,
    assert_same_run,
    forked,
    last,
    plan_of,
    prepared,
    run,
    same,
)


@pytest.fixture(scope="module")
def trained(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with a pixel-loss run and a GAN of the same generator."""
    folder = tmp_path_factory.mktemp("trained")
    run(prepared(folder, PLAIN), "steps=3", out=folder / "pixels")
    run(prepared(folder, GAN, "gan.toml"), out=folder / "gan")
    return folder


def init(folder: Path, value: str, text: str = PLAIN) -> Path:
    return prepared(folder, f"init = {value}\n{text}", "init.toml")


def weights_of(path: Path) -> dict[str, Tensor]:
    """The generator's weights as the experiment begins with them."""
    assembly = assemble(plan_of(path))
    initialise(assembly)
    return assembly.generator.state_dict()


def problems(path: Path, *settings: str) -> list[str]:
    plan = plan_of(path, *settings)
    check_initial(plan)
    found = [str(one) for one in plan.problems]
    with pytest.raises(ExperimentError) as caught:
        initialise(assemble(plan_of(path, *settings)))
    assert [str(one) for one in caught.value.problems] == found  # `check` foresees what a run says
    return found


@pytest.mark.parametrize("wrapping", ["params", "params_ema", "state_dict", "module.", "_orig_mod.", "both", "bare"])
def test_every_wrapping_gives_the_same_weights(trained: Path, tmp_path: Path, wrapping: str) -> None:
    tensors = last(trained / "pixels").modules["generator"]
    prefix = {"module.": "module.", "_orig_mod.": "_orig_mod.", "both": "module._orig_mod."}.get(wrapping, "")
    named: Any = {prefix + name: value for name, value in tensors.items()}
    content = {wrapping: named, "iter": 7} if wrapping.isidentifier() and wrapping not in ("both", "bare") else named
    torch.save(content, tmp_path / "net.pth")
    assert same(weights_of(init(tmp_path, '"net.pth"')), tensors)
    save_file(named, tmp_path / "net.safetensors")
    assert same(weights_of(init(tmp_path, '"net.safetensors"')), tensors)


def test_averaged_weights_come_first(trained: Path, tmp_path: Path) -> None:
    tensors = last(trained / "pixels").modules["generator"]
    torch.save({"params": {"x": torch.zeros(1)}, "params_ema": tensors}, tmp_path / "net.pth")
    assert same(weights_of(init(tmp_path, '"net.pth"')), tensors)
    saved = last(trained / "gan")
    assert same(read_weights(trained / "gan", "generator").tensors, saved.modules["ema"])
    assert same(read_weights(trained / "gan/checkpoints/step-00000010", "generator").tensors, saved.modules["ema"])
    assert same(read_weights(trained / "gan", "discriminator").tensors, saved.modules["discriminator"])


@pytest.mark.usefixtures("one_thread")
def test_a_run_begins_there_says_so_and_goes_on_without_the_file(trained: Path, tmp_path: Path) -> None:
    source = tmp_path / "source"
    shutil.copytree(trained / "gan", source)
    path = init(tmp_path, f'{{ generator = "source", discriminator = "{source}" }}', GAN)
    whole = tmp_path / "whole"
    notices: list[str] = []
    run(path, out=whole, notices=notices)
    assert any(line.startswith("the generator begins with") for line in notices)
    fact = json.loads((whole / "manifest.json").read_text())["init"]
    for role, name in (("generator", "ema"), ("discriminator", "discriminator")):
        file = source / f"checkpoints/step-00000010/{name}.safetensors"
        assert fact[role] == {"file": str(file), "sha256": hashlib.sha256(file.read_bytes()).hexdigest()}
    assert f'generator = "{source}"' in (whole / "experiment.toml").read_text()
    if sys.platform == "win32":
        return
    assert forked(lambda: run(path, out=tmp_path / "cut", observers={"killer": KillAt("step_end", 7)})) < 0
    shutil.rmtree(source)
    run(path, out=tmp_path / "cut", resume=True)
    assert_same_run(whole, tmp_path / "cut")


def test_less_than_all_is_refused_and_every_name_is_said(trained: Path, tmp_path: Path) -> None:
    tensors = dict(last(trained / "pixels").modules["generator"])
    names = sorted(tensors, key=lambda name: -tensors[name].numel())
    tensors["extra.weight"] = torch.zeros(2)
    tensors[names[0]] = torch.zeros(4, 3)
    del tensors[names[1]]
    torch.save(tensors, tmp_path / "net.pth")
    (said,) = problems(init(tmp_path, '"net.pth"'))
    assert said.startswith(f"{tmp_path / 'init.toml'}:1 init.generator: ")
    assert f"1 not in the file: {names[1]}" in said and "1 not in the network: extra.weight" in said
    assert f"1 of another shape: {names[0]} (4x3 in the file, " in said and "partial = true" in said
    notices: list[str] = []
    run(init(tmp_path, '{ generator = "net.pth", partial = true }'), out=tmp_path / "out", notices=notices)
    (notice,) = [one for one in notices if "begins with" in one]
    assert notice.startswith("warning: ") and all(one in notice for one in ("extra.weight", names[0], names[1]))
    fact = json.loads((tmp_path / "out/manifest.json").read_text())["init"]["generator"]
    assert (
        fact["missing"] == [names[1]] and fact["left_over"] == ["extra.weight"] and list(fact["misshaped"]) == names[:1]
    )


def test_both_players_problems_are_said_at_once(trained: Path, tmp_path: Path) -> None:
    value = '{ generator = "nothing.pth", discriminator = "nowhere" }'
    found = problems(init(tmp_path, value, GAN))
    assert len(found) == 2 and "nothing.pth" in found[0] and "nowhere" in found[1]


def test_what_is_no_source_of_weights_is_refused_with_the_line(trained: Path, tmp_path: Path) -> None:
    (tmp_path / "text.txt").write_text("x")
    (tmp_path / "cut.pth").write_bytes(b"PK\x03\x04 and no more")
    (tmp_path / "cut.safetensors").write_bytes(b"12")
    (tmp_path / "folder").mkdir()
    torch.save({"params": {"a": 1}}, tmp_path / "numbers.pth")
    torch.save({"other": torch.zeros(1)}, tmp_path / "stranger.pth")
    torch.save(Path, tmp_path / "code.pth")
    for name, why in {
        "absent": "there is no run or file .*absent. Train it first",
        "text.txt": "no file of weights",
        "cut.pth": "cannot be read|no file of torch's",
        "cut.safetensors": "cannot be read",
        "folder": "neither a run folder",
        "numbers.pth": "holds no weights by name",
        "stranger.pth": "nothing in .* fits the generator",
        "code.pth": "it is not opened, since that could run code",
    }.items():
        (said,) = problems(init(tmp_path, f'"{name}"'))
        assert re.search(f"init.toml:1 init.generator: .*({why})", said), said
    with pytest.raises(ExperimentError, match=r"init.discriminator: there is no \[discriminator\]"):
        plan_of(init(tmp_path, f'{{ discriminator = "{trained / "gan"}" }}'))
    with pytest.raises(ExperimentError, match="init: it names no weights"):
        plan_of(init(tmp_path, "{ partial = true }"))
    with pytest.raises(ExperimentError, match=r"pixels/checkpoints/.* holds no discriminator"):
        path = init(tmp_path, f'{{ discriminator = "{trained / "pixels"}" }}', GAN)
        initialise(assemble(plan_of(path)))
