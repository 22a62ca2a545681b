"""A folder with photos and an experiment whose runs can be killed halfway; a local Ray with two workers."""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pytest
import ray
import torch
from PIL import Image

from srkit.cli.main import main

STUDY = """
scale = 2
steps = 24
precision = "fp32"
[data]
train = "photos"
validate = "photos"
patch_size = 16
batch_size = 2
workers = 0
[[degradation]]
use = "./halfway.py:Halfway"
[generator]
use = "espcn"
channels = 4
[[pixel_loss]]
use = "mse"
[log]
every = 4
tensorboard = false
[checkpoint]
every = 4
[matrix]
seed = [1, 2]
[launcher]
use = "ray"
environment = ["SRKIT_KILLS"]
"""

PARTS = '''
"""A degradation that leaves the picture as it is; halfway it kills what is named by a file, which it removes."""
import os
from pathlib import Path


class Halfway:
    """`worker` is the process that Ray gave the run, `process` is the run's own."""

    def __init__(self) -> None:
        self.batches = 0

    def __call__(self, batch, draws):
        self.batches += len(draws) == 2  # while training, and not for the photos
        if self.batches == 14:
            for name, number in (("worker", os.getppid()), ("process", os.getpid())):
                try:
                    Path(os.environ["SRKIT_KILLS"], name).unlink()
                except FileNotFoundError:
                    continue
                os.kill(number, 9)
        return batch
'''


@dataclass(frozen=True)
class Said:
    """What a command printed and its exit code."""

    code: int
    out: str
    err: str


Command = Callable[..., Said]


@pytest.fixture(scope="session", autouse=True)
def cluster(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    """Two cores are two workers; home and caches are the session's own."""
    torch.set_num_threads(1)
    with pytest.MonkeyPatch.context() as patch:
        for name in ("HOME", "USERPROFILE", "XDG_CACHE_HOME", "TORCH_HOME"):
            patch.setenv(name, str(tmp_path_factory.getbasetemp() / "home"))
        settings = tmp_path_factory.mktemp("settings")
        patch.setenv("SRKIT_CONFIG", str(settings))
        trusted = {"folders": [str(tmp_path_factory.getbasetemp().resolve())], "code": {}}
        (settings / "trusted.json").write_text(json.dumps(trusted), encoding="utf-8")
        patch.setenv("SRKIT_LOAD_PLUGINS", "srkit-ray")
        patch.setenv("RAY_USAGE_STATS_ENABLED", "0")
        patch.delenv("RAY_ADDRESS", raising=False)
        ray.init(address="local", num_cpus=2, include_dashboard=False, log_to_driver=False, logging_level="ERROR")
        yield
        ray.shutdown()


@pytest.fixture
def workplace(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder to stand in, with `study.toml` and `photos/`."""
    monkeypatch.setenv("SRKIT_KILLS", str(tmp_path))
    folder = tmp_path / "work"
    (folder / "photos").mkdir(parents=True)
    for number in range(2):
        noise = np.random.default_rng(number).integers(0, 255, (24, 32, 3), dtype=np.uint8)
        Image.fromarray(noise).save(folder / "photos" / f"{number}.png")
    (folder / "study.toml").write_text(STUDY, encoding="utf-8")
    (folder / "halfway.py").write_text(PARTS, encoding="utf-8")
    monkeypatch.chdir(folder)
    return folder


@pytest.fixture
def srkit(monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]) -> Command:
    """Runs a command in this process, as the console script does."""

    def run(*arguments: str) -> Said:
        monkeypatch.setattr(sys, "argv", ["srkit", *arguments])
        capfd.readouterr()
        with pytest.raises(SystemExit) as ended:
            main()
        said = capfd.readouterr()
        assert isinstance(ended.value.code, int)
        return Said(ended.value.code, said.out, said.err)

    return run


def weights(run: Path) -> bytes:
    """What a run came to, byte for byte."""
    return (run / "checkpoints" / "step-00000024" / "generator.safetensors").read_bytes()


def kill_next(what: str) -> None:
    """Have the next run that comes halfway kill its `worker` or its own `process`."""
    Path(os.environ["SRKIT_KILLS"], what).touch()
