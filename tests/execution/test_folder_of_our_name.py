"""A folder `srkit` where one stands, such as a clone's parent has it, is taken for the package by nobody."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from tests.execution.support import PLAIN, environment, prepared


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    prepared(tmp_path, PLAIN.replace("steps = 6", "steps = 1").replace("workers = 0", "workers = 1"))
    (tmp_path / "srkit").mkdir()
    return tmp_path


@pytest.mark.parametrize(
    "words",
    [
        ("-P", "-m", "srkit", "--version"),
        ("-m", "srkit", "--version"),
        ("-c", "import srkit; assert srkit.load, srkit.__version__"),
        ("-P", "-m", "srkit", "run", "tiny.toml", "--out", "out", "--device", "cpu", "--quiet"),
        ("-P", "-m", "srkit", "run", "study.toml", "--out", "runs", "--device", "cpu", "--quiet"),
    ],
    ids=["version", "as a module", "import", "run with a worker", "study"],
)
def test_what_is_started_there_finds_the_package(words: tuple[str, ...], folder: Path) -> None:
    text = (folder / "tiny.toml").read_text(encoding="utf-8")
    (folder / "study.toml").write_text(text + "[matrix]\nseed = [1, 2]\n", encoding="utf-8")
    done = subprocess.run(
        [sys.executable, *words], cwd=folder, env=environment(), capture_output=True, text=True, timeout=180
    )
    assert done.returncode == 0, done.stderr
