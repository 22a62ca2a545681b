"""A file of srkit's own is one network, whoever reads it: load, import, upscale, bench."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from PIL import Image

import srkit as package
from tests.cli.conftest import TINY, Command, photo

LR = torch.rand(1, 3, 12, 10, generator=torch.Generator().manual_seed(5))

GENERATORS = {
    "tanh": 'use = "espcn"\nchannels = [4, 3]\nactivation = "tanh"\noutput = "tanh"',
    "relu": 'use = "espcn"\nchannels = 2\nactivation = "relu"',
    "a block within": 'use = "trunk"\nchannels = 4\nblocks = 2\nblock = { use = "residual", slope = 0.3 }',
    "none that recognises": 'use = "trunk"\nchannels = 3\nblocks = 1\nblock = "plain"',
}


@pytest.fixture
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    photo(tmp_path / "photos" / "a.png")
    monkeypatch.chdir(tmp_path)
    return tmp_path


def trained(generator: str) -> None:
    text = TINY.replace('use = "espcn"\nchannels = 2', GENERATORS[generator])
    Path("own.toml").write_text(text, encoding="utf-8")
    package.run("own.toml", out="runs/own", device="cpu", quiet=True)


@pytest.mark.parametrize("suffix", [".safetensors", ".pth"])
@pytest.mark.parametrize("generator", GENERATORS)
def test_an_export_comes_back_as_what_it_was(generator: str, suffix: str, here: Path, srkit: Command) -> None:
    trained(generator)
    file = f"model{suffix}"
    assert srkit("export", "runs/own", "--out", file, *(("--format", "pth") if suffix == ".pth" else ())).code == 0
    said = srkit("import", file, "--out", "runs/back")
    assert said.code == 0, said.err
    assert "an export of srkit" in said.out
    pictures: dict[str, Any] = {}
    for name in ("runs/own", file, "runs/back"):
        with torch.no_grad():
            pictures[name] = package.load(name).network(LR)
        assert srkit("upscale", "photos/a.png", "--model", name, "--out", f"large-{len(pictures)}").code == 0
    for other in (file, "runs/back"):
        assert torch.equal(pictures["runs/own"], pictures[other])
    large = [np.asarray(Image.open(f"large-{number}/a.png")) for number in (1, 2, 3)]
    assert np.array_equal(large[0], large[1]) and np.array_equal(large[0], large[2])
    scores = package.bench("runs/own", file, "runs/back", on="photos", device="cpu").rows
    assert len({row["metrics"]["psnr-y"]["mean"] for row in scores if row["model"] != "bicubic"}) == 1


def test_an_export_of_own_code_is_not_taken_for_another_network(here: Path, srkit: Command) -> None:
    Path("net.py").write_text("from srkit.components.generators.espcn import Espcn\n\nclass Net(Espcn):\n    pass\n")
    Path("own.toml").write_text(TINY.replace('use = "espcn"', 'use = "./net.py:Net"'), encoding="utf-8")
    package.run("own.toml", out="runs/own", device="cpu", quiet=True, trust=True)
    assert srkit("export", "runs/own", "--out", "model.safetensors", "--trust").code == 0
    said = srkit("import", "model.safetensors", "--out", "runs/back", "--trust")
    assert said.code == 2 and "its generator is own code ('Net')" in said.err
    assert not Path("runs/back").exists()
