"""How long a table of 100 runs takes from results that are kept, whole command: `python -m tests.benchmarks.bench_from_cache`.

Makes the runs out of one small trained one, each with weights of its own, judges them all on 20 photos, and then times
the same command again. What it must reach: under 10 seconds.
"""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import numpy as np
from PIL import Image

from srkit.training import checkpoint
from tests.cli.conftest import TINY

RUNS, PHOTOS, SIDE = 100, 20, (320, 240)


def srkit(*arguments: str, cwd: Path) -> str:
    environment = os.environ | {"XDG_CACHE_HOME": str(cwd / "cache"), "HOME": str(cwd)}
    command = [sys.executable, "-m", "srkit", *arguments]
    return subprocess.run(command, cwd=cwd, env=environment, check=True, capture_output=True, text=True).stdout


def photos(folder: Path, count: int, seed: int) -> None:
    """Clouds of colour, which no two are alike."""
    folder.mkdir()
    rng = np.random.default_rng(seed)
    for number in range(count):
        clouds = Image.fromarray(rng.integers(0, 255, (18, 24, 3), dtype=np.uint8))
        clouds.resize(SIDE, Image.Resampling.BICUBIC).save(folder / f"{number:02}.png")


def runs(folder: Path) -> None:
    """One run is trained; the others are copies whose weights were moved a little."""
    (folder / "tiny.toml").write_text(TINY, encoding="utf-8")
    srkit("run", "tiny.toml", "--out", "runs/000", "--quiet", "--device", "cpu", cwd=folder)
    first = folder / "runs" / "000"
    saved = checkpoint.load(checkpoint.checkpoints(first / "checkpoints")[-1])
    for number in range(1, RUNS):
        own = folder / "runs" / f"{number:03}"
        shutil.copytree(first, own, ignore=shutil.ignore_patterns("checkpoints"))
        weights = {name: value + number * 1e-4 for name, value in saved.modules["generator"].items()}
        checkpoint.save(own / "checkpoints", 1, {"generator": weights}, saved.state)


def main() -> None:
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        photos(folder / "photos", 4, 1)
        photos(folder / "held_out", PHOTOS, 2)
        runs(folder)
        command = ["bench", "bicubic", *(f"runs/{number:03}" for number in range(RUNS)), "--on", "held_out"]
        command += ["--format", "json", "--device", "cpu"]
        begun = time.perf_counter()
        first = srkit(*command, cwd=folder)
        computed = time.perf_counter() - begun
        begun = time.perf_counter()
        again = srkit(*command, cwd=folder)
        kept = time.perf_counter() - begun
        assert first == again
        print(f"{len(json.loads(again)['rows'])} rows on {PHOTOS} photos of {SIDE[0]} x {SIDE[1]}")
        print(f"computed {computed:.1f} s, from the cache {kept:.1f} s")


if __name__ == "__main__":
    main()
