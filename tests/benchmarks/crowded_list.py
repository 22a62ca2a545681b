"""`srkit list` with 200 more components from 50 distributions against `import torch`, in pairs.

    python -m tests.benchmarks.crowded_list [--pairs 9] [--distributions 50]

The distributions lie in a folder on the path, with metadata and sources as pip leaves them. Nothing is asserted.
"""

from __future__ import annotations

import argparse
import os
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from tests.registry.crowd import write_crowd


def seconds(command: list[str], folder: Path) -> float:
    """From the start of a process to its end."""
    environment = os.environ | {"PYTHONPATH": str(folder)}
    begun = time.perf_counter()
    subprocess.run([sys.executable, *command], env=environment, check=True, capture_output=True)
    return time.perf_counter() - begun


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--pairs", type=int, default=9)
    parser.add_argument("--distributions", type=int, default=50)
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as name:
        folder = write_crowd(Path(name), options.distributions)
        pairs = [
            (seconds(["-m", "srkit", "list"], folder), seconds(["-c", "import torch"], folder))
            for _ in range(options.pairs + 1)
        ][1:]
    ratios = sorted(listing / torch for listing, torch in pairs)
    print(
        f"srkit list with {4 * options.distributions} components of {options.distributions} distributions / import "
        f"torch: {statistics.median(ratios):.3f} (from {ratios[0]:.3f} to {ratios[-1]:.3f}, {options.pairs} pairs; "
        f"import torch {statistics.median(torch for _, torch in pairs):.2f} s)"
    )


if __name__ == "__main__":
    main()
