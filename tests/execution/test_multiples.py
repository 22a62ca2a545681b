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
from srkit.components.generators.cascade import Cascade
from srkit.components.generators.trunk import Trunk
from srkit.errors import SrkitError
from srkit.inference.export.graphs import write_onnx, write_script
from srkit.inference.onnx_files import OnnxNetwork
from srkit.inference.tiles import Tiling, boxes, grown
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


@pytest.fixture
def windows(tmp_path: Path) -> nn.Module:
    """The network of windows as a module."""
    found: dict[str, type[nn.Module]] = {}
    exec(OWN.replace("{declared}", "multiple_of = 8"), found)
    torch.manual_seed(1)
    return found["Windows"](2).eval()


def test_tiles_begin_where_windows_do(windows: nn.Module) -> None:
    picture = np.random.default_rng(3).integers(0, 255, (45, 61, 3), dtype=np.uint8)
    whole = generated(windows, torch.from_numpy(picture).permute(2, 0, 1)[None] / 255)
    for network, scale in ((windows, 2), (Cascade(2, lambda scale: windows, times=1), 2)):  # type: ignore[arg-type]
        period = walk(network).period
        assert period == 8
        for side in (8, 24):
            tiling = Tiling(side, 3, period)
            for box in boxes(45, 61, tiling):
                read = grown(box, 45, 61, tiling)
                part = torch.from_numpy(picture[read.top : read.bottom, read.left : read.right]).permute(2, 0, 1)
                sr = generated(network, part[None] / 255)
                top, left = (box.top - read.top) * scale, (box.left - read.left) * scale
                height, width = (box.bottom - box.top) * scale, (box.right - box.left) * scale
                wanted = whole[..., box.top * scale : box.bottom * scale, box.left * scale : box.right * scale]
                torch.testing.assert_close(sr[..., top : top + height, left : left + width], wanted)


@pytest.mark.parametrize("kind", ["onnx", "torchscript"])
def test_graphs_pad_too(windows: nn.Module, tmp_path: Path, kind: str) -> None:
    if kind == "onnx":
        pytest.importorskip("onnxruntime")
        write_onnx(tmp_path / "w.onnx", windows, {})
        graph: nn.Module = OnnxNetwork(tmp_path / "w.onnx")
    else:
        write_script(tmp_path / "w.ts", windows, {})
        graph = torch.jit.load(str(tmp_path / "w.ts"))
    for height, width in ((8, 8), (13, 3), (1, 9), (40, 39), (17, 64)):
        lr = torch.rand(2, 3, height, width)
        with torch.no_grad():
            torch.testing.assert_close(graph(lr), generated(windows, lr), rtol=0, atol=1e-5)


def test_a_trunk_has_its_blocks_multiple() -> None:
    class Block(nn.Conv2d):
        multiple_of = 6

        def __init__(self, channels: int) -> None:
            super().__init__(channels, channels, 1)

    assert Trunk(2, Block, channels=4, blocks=2).multiple_of == 6  # type: ignore[arg-type]


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


@pytest.mark.parametrize("window", [3, 7, 12])
def test_windows_of_any_side_are_found(window: int) -> None:
    class Net(nn.Module):
        def forward(self, lr: Tensor) -> Tensor:
            b, c, h, w = lr.shape
            return lr.view(b, c, h // window, window, w // window, window).reshape(lr.shape)

    with pytest.raises(SrkitError, match=f"write multiple_of = {window} into its class"):
        generated(Net(), torch.rand(1, 3, 23, 31))


def test_another_failure_stays_what_it_is() -> None:
    class Broken(nn.Module):
        def forward(self, lr: Tensor) -> Tensor:
            raise ValueError("of its own")

    with pytest.raises(ValueError, match="of its own"):
        generated(Broken(), torch.rand(1, 3, 9, 9))
    with pytest.raises(SrkitError, match="whole number"):
        Broken.multiple_of = 0  # type: ignore[assignment]
        generated(Broken(), torch.rand(1, 3, 9, 9))
