"""Building wheels and installing them into a folder of their own, without a network."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import numpy as np
from PIL import Image


def build(source: Path, into: Path) -> Path:
    """The wheel of a source tree."""
    options = ["--no-deps", "--no-build-isolation", "--no-index", "--quiet", "--disable-pip-version-check"]
    _checked([sys.executable, "-m", "pip", "wheel", str(source), *options, "--wheel-dir", str(into)])
    (wheel,) = into.glob("*.whl")
    return wheel


def install(wheel: Path, target: Path) -> Path:
    """The wheel unpacked as pip does it, into a folder for `PYTHONPATH`."""
    options = ["--no-deps", "--no-index", "--no-compile", "--quiet", "--disable-pip-version-check"]
    _checked([sys.executable, "-m", "pip", "install", str(wheel), *options, "--target", str(target)])
    return target


def python(*arguments: str, path: Path, cwd: Path) -> subprocess.CompletedProcess[str]:
    """Python with an installed folder ahead of everything else."""
    environment = os.environ | {"PYTHONPATH": str(path), "PYTHONDONTWRITEBYTECODE": "1"}
    command = [sys.executable, *arguments]
    return subprocess.run(
        command, cwd=cwd, env=environment, capture_output=True, text=True, encoding="utf-8", timeout=240
    )


def write_photos(folder: Path) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    noise = np.random.default_rng(0).integers(0, 255, (32, 32, 3), dtype=np.uint8)
    Image.fromarray(noise).save(folder / "a.png")


def _checked(command: list[str]) -> None:
    done = subprocess.run(command, capture_output=True, text=True, timeout=240)
    assert done.returncode == 0, f"{' '.join(command)}\n{done.stdout}{done.stderr}"
