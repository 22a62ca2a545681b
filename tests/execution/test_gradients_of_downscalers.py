"""A loss that shrinks the generator's image again learns, or is told why it cannot."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from srkit.errors import SrkitError
from tests.cli.conftest import Command, srkit
from tests.execution.support import PLAIN, prepared, run, steps_kept

__all__ = ["srkit"]

SHRINKS = '''
class Shrinks:
    """The difference of the images shrunk again, once `begins` is past."""
    def __init__(self, begins: int = 1, what: str = "sr") -> None:
        self.begins, self.what = begins, what
    def __call__(self, views):
        error = (views.sr - views.hr).square().mean()
        if views.step < self.begins:
            return error
        image = {"sr": views.sr, "detached": views.sr.detach(), "hr": views.hr}[self.what]
        return error + (views.downscale(image) - views.lr).abs().mean()
'''

AT_ONCE = """
class AtOnce(Shrinks):
    needs_downscale = True
"""

ROUNDS = '''
import torch.nn.functional as F
class Rounds:
    """Rounds to 8 bit as a file would be, and with it loses all gradients."""
    works_on = "batch"
    def __init__(self, scale: int) -> None:
        self.scale = scale
    def __call__(self, hr):
        return F.avg_pool2d(hr, self.scale).mul(255).round().div(255)
'''

CAUSE = {
    "": "'pillow' works on decoded images",
    '[downscaler]\nuse = "pillow"\nfilter = "lanczos"\n': "'pillow' works on decoded images",
    '[downscaler]\nuse = "./shrinks.py:Rounds"\n': "Rounds' loses them on the way",
}


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "shrinks.py").write_text(ROUNDS + SHRINKS + AT_ONCE, encoding="utf-8")
    return tmp_path


def with_loss(name: str, options: str = "", downscaler: str = "") -> str:
    return PLAIN.replace('use = "mse"', f'use = "./shrinks.py:{name}"\n{options}') + downscaler


@pytest.mark.parametrize("downscaler", CAUSE)
@pytest.mark.parametrize("name", ["Shrinks", "AtOnce"])
def test_check_names_the_loss_its_line_the_downscaler_and_the_way_out(
    folder: Path, downscaler: str, name: str, srkit: Command
) -> None:
    prepared(folder, with_loss(name, downscaler=downscaler))
    said = srkit("check", "tiny.toml", "--json")
    assert said.code == 2, said.err
    (problem,) = json.loads(said.out)
    assert problem["line"] == 16 and problem["key"].endswith(".use")
    assert f"the loss '{name}'" in problem["message"] or f"loss './shrinks.py:{name}'" in problem["message"]
    assert CAUSE[downscaler] in problem["message"] and "torch-bilinear" in problem["message"] + problem["hint"]


def test_a_loss_that_asks_later_ends_the_run_by_name_and_its_checkpoint_stands(folder: Path) -> None:
    path = prepared(folder, with_loss("Shrinks", "begins = 5"))
    with pytest.raises(SrkitError, match="the loss 'Shrinks' needs a downscaler that lets gradients through") as ended:
        run(path, out=folder / "out")
    assert ended.value.exit_code == 2 and steps_kept(folder / "out")[-1] == 3


@pytest.mark.parametrize(
    ("options", "downscaler"),
    [
        ("", '[downscaler]\nuse = "torch-bilinear"\n'),
        ("", '[downscaler]\nuse = "nearest"\n'),
        ('what = "detached"', ""),
        ('what = "hr"', ""),
    ],
)
def test_what_is_right_is_trained(folder: Path, options: str, downscaler: str) -> None:
    path = prepared(folder, with_loss("Shrinks", options, downscaler))
    assert run(path, "steps=2", out=folder / "out").run.step == 2


def test_in_place_of_a_downscaler_a_pipeline_has_none(folder: Path, srkit: Command) -> None:
    prepared(folder, with_loss("AtOnce", downscaler='[lr_pipeline]\nuse = "real-esrgan"\n'))
    said = srkit("check", "tiny.toml")
    assert said.code == 2 and "an lr_pipeline has no downscaler" in " ".join(said.out.split())
