"""A component that writes into what it is handed to look at is named, and nothing is trained on spoiled numbers."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch

from srkit.assembly.untouched import Untouched
from srkit.errors import SrkitError
from tests.execution.support import GAN, PLAIN, prepared, run

WAYS = {
    "in place": "{it}.zero_()",
    "by index": "{it}[:, 0] = 0.5",
    "by out": "torch.mul({it}, 0.5, out={it})",
    "by data": "{it}.data.mul_(0.5)",
    "by NumPy": "{it}.detach().numpy()[:] *= 0.5",
    "a part of it": "{it}.detach().numpy()[0, 0, :2, 0] = 3.0",
    "by a view": "{it}[:, :, :1].data.fill_(2.0)",
}

OWN = """
import torch
from torch import nn
from torch.nn import functional as F


class Loss(nn.Module):
    def forward(self, sr, hr):
        with torch.no_grad():
            {WRITE}
        return (sr - hr).square().mean()


class Net(nn.Module):
    def __init__(self, scale: int) -> None:
        super().__init__()
        self.layer = nn.Conv2d(3, 3 * scale**2, 1)
        self.scale = scale

    def forward(self, lr):
        with torch.no_grad():
            {WRITE}
        return F.pixel_shuffle(self.layer(lr), self.scale)


class Error:
    unit = ""
    higher_is_better = False

    def __call__(self, sr, hr):
        {WRITE}
        return (sr - hr).abs().mean((1, 2, 3))


class Judge(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.layer = nn.Conv2d(3, 1, 3)

    def forward(self, image):
        return self.layer(F.relu(image - 0.5, inplace=False) if not {TOUCHES} else F.hardtanh_(image, 0.2, 0.3))


class Dark:
    def __call__(self, hr, draws):
        {WRITE}
        return hr


class Shrinks:
    works_on = "batch"

    def __init__(self, scale: int) -> None:
        self.scale = scale

    def __call__(self, hr):
        {WRITE}
        return F.avg_pool2d(hr, self.scale)


class Line(Shrinks):
    def __call__(self, hr, draws):
        return super().__call__(hr)


class Decoded:
    works_on = "image"

    def __init__(self, scale: int) -> None:
        self.scale = scale

    def __call__(self, hr):
        {WRITE}
        return hr[:: self.scale, :: self.scale].copy()
"""


@pytest.fixture(autouse=True)
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)


def own(folder: Path, write: str, text: str = PLAIN, touches: bool = False) -> Path:
    path = prepared(folder, text)
    (folder / "own.py").write_text(OWN.replace("{WRITE}", write).replace("{TOUCHES}", str(touches)))
    return path


@pytest.mark.parametrize("way", WAYS)
def test_a_loss_that_writes_into_hr_is_named_before_a_weight_changes(way: str, tmp_path: Path) -> None:
    path = own(tmp_path, WAYS[way].format(it="hr"))
    with pytest.raises(SrkitError, match=r"the loss 'Loss' writes into hr.*hr = hr\.clone\(\)"):
        run(path, "pixel_loss.mse.use=./own.py:Loss", out=tmp_path / "out")
    assert not (tmp_path / "out" / "metrics.jsonl").exists()


@pytest.mark.parametrize("it", ["sr", "hr"])
def test_whatever_a_loss_is_handed_is_watched(it: str, tmp_path: Path) -> None:
    path = own(tmp_path, f"{it}.data.mul_(0.5)")
    with pytest.raises(SrkitError, match=f"the loss 'Loss' writes into {it}"):
        run(path, "pixel_loss.mse.use=./own.py:Loss", out=tmp_path / "out")


@pytest.mark.parametrize("way", WAYS)
def test_a_generator_that_writes_into_lr_is_named(way: str, tmp_path: Path) -> None:
    text = PLAIN.replace('use = "espcn"\nchannels = 8', 'use = "./own.py:Net"')
    with pytest.raises(SrkitError, match="the generator writes into lr"):
        run(own(tmp_path, WAYS[way].format(it="lr"), text), out=tmp_path / "out")


@pytest.mark.parametrize("way", ["in place", "by NumPy"])
def test_a_metric_that_writes_into_hr_is_named(way: str, tmp_path: Path) -> None:
    path = own(tmp_path, WAYS[way].format(it="hr"))
    with pytest.raises(SrkitError, match="the metric 'Error' writes into hr"):
        run(path, 'validation={metrics=["./own.py:Error", "psnr-y"], every=2}', out=tmp_path / "out")


@pytest.mark.parametrize("way", ["in place", "by data"])
@pytest.mark.parametrize(
    ("setting", "who"),
    [
        ('degradation=[{use="./own.py:Dark", when="before"}]', "the degradation 'Dark'"),
        ('downscaler="./own.py:Shrinks"', "the downscaler"),
        ('lr_pipeline="./own.py:Line"', "the lr_pipeline"),
        ('target={use="./own.py:Dark"}', r"\[target\]"),
    ],
)
def test_what_makes_images_of_the_original_leaves_it_as_it_is(setting: str, who: str, way: str, tmp_path: Path) -> None:
    path = own(tmp_path, WAYS[way].format(it="hr"))
    with pytest.raises(SrkitError, match=f"{who} writes into hr"):
        run(path, setting, out=tmp_path / "out")
    assert not (tmp_path / "out" / "metrics.jsonl").exists()


def test_a_downscaler_of_decoded_images_writes_into_a_copy(tmp_path: Path) -> None:
    seen = []
    for name, write in (("reads", "pass"), ("writes", "hr[:] = 0")):
        path = own(tmp_path, write)
        outcome = run(path, 'downscaler="./own.py:Decoded"', "steps=1", out=tmp_path / name)
        batch = next(outcome.run.batches(1))
        seen.append((batch.hr, batch.lr))
    assert torch.equal(seen[0][0], seen[1][0]) and not torch.equal(seen[0][1], seen[1][1])


def test_a_write_that_begins_later_is_noticed_at_the_next_log_step(tmp_path: Path) -> None:
    late = "self.n = getattr(self, 'n', 0) + 1; self.n > 2 and hr.data.mul_(0.5)"
    with pytest.raises(SrkitError, match="the loss 'Loss' writes into hr"):
        run(own(tmp_path, late), "pixel_loss.mse.use=./own.py:Loss", out=tmp_path / "out")


def test_a_discriminator_that_writes_into_what_it_judges_is_named(tmp_path: Path) -> None:
    text = GAN.replace(
        '[discriminator]\nuse = "dilated"\nchannels = 4\ndropout = 0.3', '[discriminator]\nuse = "./own.py:Judge"'
    )
    with pytest.raises(SrkitError, match="or the discriminator, writes into (sr|hr)"):
        run(own(tmp_path, "pass", text, touches=True), out=tmp_path / "out")


def test_what_only_reads_is_left_alone(tmp_path: Path) -> None:
    path = own(tmp_path, "hr.clone().zero_()")
    assert run(path, "pixel_loss.mse.use=./own.py:Loss", out=tmp_path / "out").run.step == 6


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64, torch.bfloat16, torch.uint8])
def test_two_pixels_that_change_places_are_a_change(dtype: torch.dtype) -> None:
    image = torch.arange(1, 25).reshape(1, 2, 3, 4).to(dtype)
    untouched = Untouched(True, hr=image)
    untouched.after("nobody")
    untouched.settle()
    image.data[0, 0, 0, :2] = image[0, 0, 0, :2].flip(0)
    untouched.after("somebody")
    with pytest.raises(SrkitError, match="somebody writes into hr"):
        untouched.settle()
