"""From Enter to the first step, against a bare script; and `srkit list` against `import torch`. Ratios, in pairs.

    python -m tests.benchmarks.start_up [--pairs 7]

The bare script imports torch, builds the same network and decodes the same photos. Nothing is asserted.
"""

from __future__ import annotations

import argparse
import re
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

BARE = """
import sys
from pathlib import Path
import numpy as np, torch
from PIL import Image
from torch import nn
network = nn.Sequential(
    nn.Conv2d(3, 128, 5, padding=2), nn.LeakyReLU(0.1), nn.Conv2d(128, 128, 3, padding=1), nn.LeakyReLU(0.1),
    nn.Conv2d(128, 12, 3, padding=1), nn.PixelShuffle(2))
optimizer = torch.optim.Adam(network.parameters(), lr=1e-3)
photos = [np.asarray(Image.open(path).convert("RGB")) for path in sys.argv[1:]]
print("ready", flush=True)
"""

BATCH = 8
EXPERIMENT = Path(__file__).parents[2] / "experiments" / "espcn.toml"


def until(command: list[str], sign: str, folder: Path) -> tuple[float, str]:
    """Seconds from the start of a process until it prints a line with the sign, and the line; the process is ended."""
    begun = time.perf_counter()
    process = subprocess.Popen(command, cwd=folder, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
    assert process.stdout is not None
    for line in process.stdout:
        if sign in line:
            seconds = time.perf_counter() - begun
            process.kill()
            process.wait()
            return seconds, line
    raise RuntimeError(f"{command} never printed {sign!r}")


def srkit_run(folder: Path) -> float:
    """Enter to the first step: until its line is printed, less what the step itself took."""
    out = folder / f"run-{time.monotonic_ns()}"
    # TensorBoard is imported at the first log step, which is the first step only here
    options = ["--set", "log.every=1", "--set", "log.tensorboard=false", "--out", str(out)]
    command = [sys.executable, "-m", "srkit", "run", str(EXPERIMENT), *options]
    seconds, line = until(command, "step 1/", folder)
    rate = float(re.search(r"([\d.]+) img/s", line)[1])  # type: ignore[index]
    return seconds - BATCH / rate


def bare(folder: Path) -> float:
    from srkit.components.datasets.sample_photos import SamplePhotos

    files = [str(path) for split in ("train", "validate") for path in SamplePhotos(split=split).files()]
    return until([sys.executable, "-c", BARE, *files], "ready", folder)[0]


def whole(*command: str) -> Callable[[Path], float]:
    def measure(folder: Path) -> float:
        begun = time.perf_counter()
        subprocess.run([sys.executable, *command], cwd=folder, check=True, capture_output=True)
        return time.perf_counter() - begun

    return measure


def compare(name: str, one: Callable[[Path], float], other: Callable[[Path], float], pairs: int) -> None:
    with tempfile.TemporaryDirectory() as name_of_folder:
        folder = Path(name_of_folder)
        ratios = [one(folder) / other(folder) for _ in range(pairs + 1)][1:]
    ratios.sort()
    print(f"{name}: {statistics.median(ratios):.3f} (from {ratios[0]:.3f} to {ratios[-1]:.3f}, {pairs} pairs)")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--pairs", type=int, default=7)
    options = parser.parse_args()
    compare("srkit run to the first step / bare script", srkit_run, bare, options.pairs)
    listing, torch = whole("-m", "srkit", "list", "generators"), whole("-c", "import torch")
    compare("srkit list generators / import torch", listing, torch, options.pairs)


if __name__ == "__main__":
    main()
