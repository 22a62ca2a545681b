"""A folder to work in with a small experiment, photos and a trained run; commands in this process or their own."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from srkit.cli.main import main

TINY = """
scale = 2
steps = 1
[data]
train = "photos"
validate = "photos"
patch_size = 16
batch_size = 1
[downscaler]
use = "torch-bilinear"
[generator]
use = "espcn"
channels = 2
[[pixel_loss]]
use = "mse"
"""


@dataclass(frozen=True)
class Said:
    """What a command printed and its exit code."""

    code: int
    out: str
    err: str


Command = Callable[..., Said]


def photo(path: Path, size: tuple[int, int] = (32, 24)) -> Path:
    """A picture of noise, (width, height)."""
    path.parent.mkdir(parents=True, exist_ok=True)
    noise = np.random.default_rng(len(path.name)).integers(0, 255, (size[1], size[0], 3), dtype=np.uint8)
    Image.fromarray(noise).save(path)
    return path


@pytest.fixture
def srkit(monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]) -> Command:
    """Runs a command in this process, as the console script does."""

    def run(*arguments: str) -> Said:
        monkeypatch.setattr(sys, "argv", ["srkit", *arguments])
        capfd.readouterr()
        with pytest.raises(SystemExit) as ended:
            main()
        said = capfd.readouterr()
        code = ended.value.code
        assert isinstance(code, int)
        return Said(code, said.out, said.err)

    return run


def in_own_process(*arguments: str, cwd: Path, **environment: str) -> Said:
    """Runs a command as `python -m srkit` in a process of its own."""
    command = [sys.executable, "-m", "srkit", *arguments]
    done = subprocess.run(
        command, cwd=cwd, env=os.environ | environment, capture_output=True, text=True, encoding="utf-8", timeout=120
    )
    return Said(done.returncode, done.stdout, done.stderr)


@pytest.fixture(scope="session")
def trained(tmp_path_factory: pytest.TempPathFactory, home: Path) -> Path:
    """A folder with `tiny.toml`, `photos/` and the run `runs/espcn`; to be copied, not changed."""
    folder = tmp_path_factory.mktemp("trained")
    photo(folder / "photos" / "a.png")
    (folder / "tiny.toml").write_text(TINY, encoding="utf-8")
    said = in_own_process("run", "tiny.toml", "--out", "runs/espcn", "--quiet", cwd=folder, HOME=str(home))
    assert said.code == 0, said.err
    return folder


@pytest.fixture
def workplace(trained: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """A copy of it to stand in."""
    folder = tmp_path / "work"
    shutil.copytree(trained, folder)
    monkeypatch.chdir(folder)
    yield folder
