"""Damaged files of a run: named, passed over where an older checkpoint is whole, and never a surprise."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import pytest

import srkit as package
from tests.cli.conftest import Command

RUN = "runs/espcn"
NEWEST, OLDER = "step-00000002", "step-00000001"

READERS = {
    "upscale": ("upscale", "photos/a.png", "--model", RUN, "--out", "large"),
    "bench": ("bench", RUN, "bicubic", "--on", "photos"),
    "inspect": ("inspect", RUN),
    "report": ("report", RUN, "--out", "page.html"),
    "export": ("export", RUN, "--out", "model.safetensors"),
    "strip": ("strip", RUN, "--on", "photos", "--out", "strips"),
    "animate": ("animate", "bicubic", RUN, "--on", "photos/a.png", "--out", "a.webp"),
    "init": ("run", "tiny.toml", "--set", f"init={RUN}", "--out", "runs/begun"),
    "resume": ("run", RUN, "--resume", "--set", "steps=3"),
}


@pytest.fixture
def two(workplace: Path, srkit: Command) -> Path:
    """A run with two checkpoints."""
    said = srkit("run", RUN, "--resume", "--set", "steps=2", "--quiet", "--device", "cpu")
    assert said.code == 0, said.err
    return workplace / RUN


def cut(path: Path) -> None:
    path.write_bytes(path.read_bytes()[: path.stat().st_size // 2])


def emptied(path: Path) -> None:
    path.write_bytes(b"")


def flipped(path: Path) -> None:
    content = bytearray(path.read_bytes())
    content[-3] ^= 1
    path.write_bytes(content)


def test_every_command_names_a_newest_checkpoint_that_is_not_whole_and_takes_the_older(
    two: Path, srkit: Command
) -> None:
    newest = two / "checkpoints" / NEWEST
    damages: list[tuple[Callable[[Path], None], str]] = [
        (cut, "generator.safetensors"),
        (emptied, "state.json"),
        (flipped, "state.safetensors"),
    ]
    for number, (name, words) in enumerate(READERS.items()):
        damage, file = damages[number % 3]
        before = (newest / file).read_bytes()
        damage(newest / file)
        said = srkit(*words)
        assert said.code == 0, (name, said.err)
        text = said.out + said.err
        assert NEWEST in text and file in text and OLDER in text, (name, text)
        (newest / file).write_bytes(before)
    last = sorted((two / "checkpoints").iterdir())[-1]
    emptied(last / "state.json")
    said = srkit("verify", RUN)
    assert said.code == 1
    assert f"different: {RUN}/checkpoints/{last.name} is not whole: state.json" in said.out


def test_a_name_changed_in_the_scores_is_named(workplace: Path, srkit: Command) -> None:
    scores = json.loads((workplace / RUN / "scores.json").read_text())
    scores["rows"][0]["metrics"]["ssii-y"] = scores["rows"][0]["metrics"].pop("ssim-y")
    (workplace / RUN / "scores.json").write_text(json.dumps(scores))
    said = srkit("table", RUN)
    assert said.code == 2
    assert "scores.json: not a scores.json of srkit: 'bicubic' has a score of 'ssim-y' on 'a.png'" in said.err


@pytest.mark.parametrize("name", ["scores.json", "results.json", "checkpoints", "samples", "strips"])
def test_a_folder_in_a_file_s_place_is_refused_before_a_step(name: str, workplace: Path, srkit: Command) -> None:
    place = workplace / RUN / name
    place.rename(workplace / "aside")
    place.write_bytes(b"x") if name in ("checkpoints", "samples", "strips") else place.mkdir()
    lines = (workplace / RUN / "metrics.jsonl").read_bytes()
    said = srkit("run", RUN, "--resume", "--set", "steps=2", "--quiet")
    assert said.code == 2
    assert f"{name} is a f" in said.err and "move it away" in said.err
    assert (workplace / RUN / "metrics.jsonl").read_bytes() == lines


ODD = '''
import torch
from srkit.hooks import hookimpl


class Silent(Exception):
    def __str__(self):
        raise RuntimeError("no")


class Loss(torch.nn.Module):
    """A loss that fails in a way that cannot be told."""

    def forward(self, sr, hr):
        raise Silent


class Metric:
    """A metric that does."""

    unit = ""
    higher_is_better = True

    def __call__(self, sr, hr):
        raise Silent


class Photos:
    """A set that does."""

    def __len__(self):
        return 2

    def name(self, index):
        return f"{index}.png"

    def __getitem__(self, index):
        raise Silent


class Net(torch.nn.Module):
    """A generator that does while it is built."""

    def __init__(self, scale: int):
        raise Silent


class Odd:
    """A schedule whose factor cannot be written."""

    def __repr__(self):
        raise Silent

    def factor(self, step):
        return self

    def state_dict(self):
        return {}

    def load_state_dict(self, state):
        pass


def schedule() -> Odd:
    return Odd()


class Step(torch.optim.SGD):
    """An optimizer that fails."""

    def __init__(self, parameters: list[dict]):
        super().__init__(parameters, lr=0.1)

    def step(self, closure=None):
        raise Silent
'''


@pytest.mark.parametrize(
    ("setting", "named"),
    [
        ('pixel_loss=[{use="./odd.py:Loss"}]', "Silent"),
        ('validation.metrics=["./odd.py:Metric"]', "Silent"),
        ('data.train={use="./odd.py:Photos"}', "Silent"),
        ('generator={use="./odd.py:Net"}', "Silent"),
        ('schedule={use="./odd.py:Odd"}', "a Odd whose __repr__ raises Silent"),
        ('optimizer={use="./odd.py:Step"}', "Silent"),
    ],
)
def test_what_cannot_say_what_is_wrong_is_named_by_its_type(
    setting: str, named: str, workplace: Path, srkit: Command
) -> None:
    (workplace / "odd.py").write_text(ODD, encoding="utf-8")
    said = srkit("run", "tiny.toml", "--set", setting, "--out", "runs/odd", "--trust", "--device", "cpu")
    assert said.code in (1, 2)
    assert named in said.err, said.err
    assert "This is a bug" not in said.err and "Traceback" not in said.err


def test_a_loaded_model_of_a_damaged_run_is_warned_of(two: Path) -> None:
    cut(two / "checkpoints" / NEWEST / "generator.safetensors")
    with pytest.warns(UserWarning, match=NEWEST):
        package.load(str(two))
