"""A folder with photos and a small experiment; commands in this process or in one of their own."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image

from srkit.cli.main import main

TINY = """
scale = 2
steps = 8
seed = 3
lr = 1e-3
precision = "fp32"
[data]
train = "photos"
validate = "photos"
patch_size = 16
batch_size = 2
workers = 0
[generator]
use = "espcn"
channels = 4
[[pixel_loss]]
use = "mse"
[validation]
images = 1
every = 4
[log]
every = 4
tensorboard = false
[checkpoint]
every = 4
"""


@dataclass(frozen=True)
class Said:
    """What a command printed and its exit code."""

    code: int
    out: str
    err: str


Command = Callable[..., Said]


@pytest.fixture(autouse=True)
def workplace(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder to stand in, with `tiny.toml` and `photos/`; home and caches lie in it too."""
    for name in ("HOME", "USERPROFILE", "XDG_CACHE_HOME", "TORCH_HOME"):
        monkeypatch.setenv(name, str(tmp_path / "home"))
    monkeypatch.setenv("SRKIT_LOAD_PLUGINS", "srkit-optuna")
    settings = tmp_path / "settings"
    settings.mkdir()
    (settings / "trusted.json").write_text(json.dumps({"folders": [str(tmp_path.resolve())], "code": {}}), "utf-8")
    monkeypatch.setenv("SRKIT_CONFIG", str(settings))
    monkeypatch.setenv("OMP_NUM_THREADS", "1")
    monkeypatch.setenv("COLUMNS", "120")
    folder = tmp_path / "work"
    (folder / "photos").mkdir(parents=True)
    down, right = np.mgrid[0:48, 0:40].astype(np.float64)
    for number in range(2):
        waves = [127 + 120 * np.sin(down / (3 + number + one) + right / (4 + one)) for one in range(3)]
        Image.fromarray(np.stack(waves, -1).astype(np.uint8)).save(folder / "photos" / f"{number}.png")
    (folder / "tiny.toml").write_text(TINY, encoding="utf-8")
    monkeypatch.chdir(folder)
    return folder


@pytest.fixture(autouse=True, scope="session")
def one_thread() -> None:
    """What is computed in this process and in others is the same bit for bit."""
    torch.set_num_threads(1)


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


def in_own_process(*arguments: str, silence: int, **environment: str) -> subprocess.Popen[str]:
    """Begins a command in a process of its own, which is held to be gone after that many seconds of silence."""
    program = (
        f"import srkit_optuna.study as study\nstudy.HEARTBEAT, study.SILENCE = 1, {silence}\n"
        "from srkit.cli.main import main\nmain()"
    )
    return subprocess.Popen(
        [sys.executable, "-c", program, *arguments],
        env=os.environ | environment,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        encoding="utf-8",
    )
