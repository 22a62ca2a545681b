"""Packed sets against PNG files, and whether size slows them.

    python -m tests.benchmarks.packed_speed [--count 100000] [--size 256]

Patches of scikit-image's photos are read in random order, alternating between PNG files and a packed set. Then a set of
`count` patches (a sparse file, so that it needs no disk) is opened and read at random, against one of a hundredth of
its size. Nothing is asserted.
"""

from __future__ import annotations

import argparse
import os
import resource
import statistics
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np

from srkit.components.datasets.folder import Folder
from srkit.components.datasets.packed import Packed
from srkit.components.datasets.sample_photos import SamplePhotos
from srkit.contracts import Dataset
from srkit.data.decoding import save_png
from srkit.data.packed import PICTURES, finish_packed, write_header, write_packed


def patches(size: int) -> list[np.ndarray]:
    found = []
    photos = SamplePhotos(split="all")
    for index in range(len(photos)):
        photo = photos[index]
        for top in range(0, photo.shape[0] - size + 1, size):
            for left in range(0, photo.shape[1] - size + 1, size):
                found.append(photo[top : top + size, left : left + size])
    return found


def a_patch(read: Callable[[], object], number: int) -> float:
    begun = time.perf_counter()
    read()
    return (time.perf_counter() - begun) / number


def read_all(dataset: Dataset, order: np.ndarray) -> None:
    """Every pixel is copied, as cutting a patch of the whole size does."""
    for index in order:
        np.array(dataset[int(index)])


def against_png(folder: Path, size: int) -> None:
    pictures = patches(size)
    (folder / "png").mkdir()
    for number, picture in enumerate(pictures):
        save_png(folder / "png" / f"{number}.png", picture)
    write_packed(folder / "packed", ((f"{number}.png", picture) for number, picture in enumerate(pictures)))
    order = np.random.default_rng(0).permutation(len(pictures))
    files, packed = Folder(folder / "png"), Packed(folder / "packed")
    ratios = []
    for _ in range(9):
        slow = a_patch(lambda: read_all(files, order), len(order))
        fast = a_patch(lambda: read_all(packed, order), len(order))
        ratios.append(slow / fast)
    print(f"{len(pictures)} patches of {size}x{size}: PNG {slow * 1e3:.2f} ms each, packed {fast * 1e3:.4f} ms")
    print(f"packed is {statistics.median(ratios):.0f} times as fast ({min(ratios):.0f}..{max(ratios):.0f})")


def sparse(folder: Path, count: int, size: int) -> Path:
    """A set of black patches whose file has no blocks on disk; every check is made up."""
    folder.mkdir()
    (folder / PICTURES).touch()
    sizes = [(size, size)] * count
    write_header(folder / PICTURES, sizes)
    names = [f"2019/07/IMG_{number // 100:05}.jpg@1+{number % 100 * 256}+512" for number in range(count)]
    finish_packed(folder, names, sizes, [f"{number * 0x9E3779B97F4A7C15 % 2**64:016x}" for number in range(count)])
    return folder


def by_size(folder: Path, count: int, size: int) -> None:
    sets: dict[int, Packed] = {}
    for number in (count // 100, count):
        path = sparse(folder / str(number), number, size)
        before = private_megabytes()
        begun = time.perf_counter()
        sets[number] = Packed(path)
        opened = time.perf_counter() - begun
        index = (path / "index.json").stat().st_size / 1e6
        print(
            f"{number} patches: opened in {opened:.3f} s, index {index:.1f} MB, memory +{private_megabytes() - before:.0f} MB"
        )
    chance = np.random.default_rng(1)
    orders = {number: chance.integers(0, number, 300) for number in sets}
    times: dict[int, list[float]] = {number: [] for number in sets}
    before = private_megabytes()
    for _ in range(15):
        for number, dataset in sets.items():
            # the same patches each time, so that both sets are read from the system's cache after the first
            times[number].append(a_patch(lambda s=dataset, o=orders[number]: read_all(s, o), 300))  # type: ignore[misc]
    cold = {number: one.pop(0) for number, one in times.items()}
    print("first touch: " + ", ".join(f"{one * 1e6:.0f} us of {number}" for number, one in cold.items()))
    small, large = (statistics.median(one) for one in times.values())
    print(
        f"random access: {small * 1e6:.1f} us of {count // 100}, {large * 1e6:.1f} us of {count} ({large / small:.2f})"
    )
    print(f"memory of its own after {15 * 600} reads: +{private_megabytes() - before:.1f} MB")


def private_megabytes() -> float:
    """Memory that belongs to this process alone; pages of mapped files can be dropped and do not count."""
    status = Path("/proc/self/status")
    if status.exists():
        line = next(one for one in status.read_text().splitlines() if one.startswith("RssAnon"))
        return int(line.split()[1]) / 1e3
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1e3


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--count", type=int, default=100_000)
    parser.add_argument("--size", type=int, default=256)
    options = parser.parse_args()
    print(f"load {os.getloadavg()[0]:.1f}")
    with tempfile.TemporaryDirectory() as name:
        against_png(Path(name), options.size)
        by_size(Path(name), options.count, options.size)


if __name__ == "__main__":
    main()
