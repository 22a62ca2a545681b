"""Generators whose windows take multiples alone: images are padded for them everywhere, patches are checked."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image
from torch import Tensor, nn

import srkit as package
from srkit.assembly.multiples import generated
from srkit.errors import SrkitError
from srkit.inference.walk import walk
from tests.cli.conftest import Command, srkit
from tests.execution.support import PLAIN, prepared

__all__ = ["srkit"]

OWN = '''
import torch
from torch import nn


class Windows(nn.Module):
    """A mean over windows of 8 x 8 LR pixels beside a convolution; refuses what these do not divide."""

    {declared}

    def __init__(self, scale: int) -> None:
        super().__init__()
        self.layers = nn.Sequential(nn.Conv2d(3, 3 * scale**2, 3, padding=1), nn.PixelShuffle(scale))

    def forward(self, lr):
        b, c, h, w = lr.shape
        windows = lr.view(b, c, h // 8, 8, w // 8, 8)
        return self.layers(lr - windows.mean((3, 5), keepdim=True).expand_as(windows).reshape(b, c, h, w))
'''


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    prepared(tmp_path)
    Image.fromarray(np.random.default_rng(1).integers(0, 255, (19, 5, 3), dtype=np.uint8)).save(tmp_path / "odd.png")
    Image.fromarray(np.random.default_rng(2).integers(0, 255, (46, 62, 3), dtype=np.uint8)).save(
        tmp_path / "held_out/odd.png"
    )
    return tmp_path


def written(folder: Path, declared: str, patch: int = 32) -> None:
    (folder / "own.py").write_text(OWN.replace("{declared}", declared), encoding="utf-8")
    text = PLAIN.replace('use = "espcn"\nchannels = 8', 'use = "./own.py:Windows"').replace(
        "patch_size = 32", f"patch_size = {patch}"
    )
    prepared(folder, text.replace("steps = 6", "steps = 2"))


def test_an_image_of_any_size_is_padded_by_reflection_and_cut() -> None:
    seen: list[Tensor] = []

    class Net(nn.Module):
        multiple_of = 8

        def forward(self, lr: Tensor) -> Tensor:
            seen.append(lr)
            return lr.repeat_interleave(2, -1).repeat_interleave(2, -2)

    for height, width in ((8, 16), (13, 3), (1, 9), (2, 1)):
        lr = torch.rand(1, 3, height, width)
        sr = generated(Net(), lr)
        torch.testing.assert_close(sr, lr.repeat_interleave(2, -1).repeat_interleave(2, -2))
        wanted = np.pad(lr.numpy(), ((0, 0), (0, 0), (0, -height % 8), (0, -width % 8)), mode="reflect")
        np.testing.assert_array_equal(seen[-1].numpy(), wanted)  # NumPy's reflection, as often as it takes


def test_it_trains_is_judged_upscales_and_is_inspected(folder: Path, srkit: Command) -> None:
    written(folder, "multiple_of = 8")
    for words in (
        ("check", "tiny.toml"),
        ("run", "tiny.toml", "--out", "runs/w", "--device", "cpu"),
        ("upscale", "odd.png", "--model", "runs/w", "--out", "large"),
        ("upscale", "odd.png", "--model", "runs/w", "--out", "exact", "--exact"),
        ("bench", "runs/w", "--on", "held_out"),
        ("strip", "runs/w", "--on", "held_out"),
        ("inspect", "runs/w"),
    ):
        said = srkit(*words)
        assert said.code == 0, (words, said.err)
    model = package.load("runs/w")
    assert model(torch.rand(1, 3, 13, 9)).shape == (1, 3, 26, 18)
    costs = srkit("bench", "runs/w", "--on", "held_out", "--format", "json")
    row = next(one for one in json.loads(costs.out)["rows"] if one["model"] == "w")
    assert row["macs_per_megapixel"] > 0 and row["peak_memory"] > 0
    assert walk(model.network, 60).obstacle == "view"  # of its own: it was walked through
    with Image.open("large/odd.png") as image:
        assert image.size == (10, 38)
    assert "odd.png" in json.dumps(json.loads(Path("runs/w/scores.json").read_text()))


@pytest.mark.parametrize("patch", [20, 36, 4])
def test_patches_that_are_no_multiples_are_told_with_those_that_are(folder: Path, patch: int, srkit: Command) -> None:
    written(folder, "multiple_of = 8", patch)
    said = srkit("check", "tiny.toml")
    spoken = " ".join(said.out.split())
    ways = {20: "Write 16 or 32.", 36: "Write 32 or 48.", 4: "Write 16."}[patch]
    assert said.code == 2 and "data.patch_size" in spoken and "takes multiples of 8" in spoken and ways in spoken


@pytest.mark.parametrize("value", ["0", "-8", "8.0", "True", "'8'"])
def test_a_multiple_that_is_none_is_told(folder: Path, value: str, srkit: Command) -> None:
    written(folder, f"multiple_of = {value}")
    said = srkit("check", "tiny.toml")
    assert said.code == 2 and "has to be a whole number from 1" in " ".join(said.out.split())


def test_one_that_does_not_say_so_is_told_what_to_write(folder: Path, srkit: Command) -> None:
    written(folder, "pass")
    said = srkit("run", "tiny.toml", "--out", "out", "--device", "cpu")
    spoken = " ".join(said.err.split())
    assert said.code != 0 and "write multiple_of = 8 into its class" in spoken and "bug" not in spoken, spoken


def test_another_failure_stays_what_it_is() -> None:
    class Broken(nn.Module):
        def forward(self, lr: Tensor) -> Tensor:
            raise ValueError("of its own")

    with pytest.raises(ValueError, match="of its own"):
        generated(Broken(), torch.rand(1, 3, 9, 9))
    with pytest.raises(SrkitError, match="whole number"):
        Broken.multiple_of = 0  # type: ignore[assignment]
        generated(Broken(), torch.rand(1, 3, 9, 9))
