"""Training speed as ratios: the runner against a bare hand-written loop, and against a textbook loop.

    python -m tests.benchmarks.training_speed [--precision bf16] [--pairs 12]

ESPCN with 128 channels on the sample photos, batches of 16, LR 64x64, x2. Windows of a few steps alternate between the
loops in one process, so that a machine whose speed drifts cannot favour one. Nothing is asserted.

- runner: srkit's own loop with its hooks (files, TensorBoard, progress), loader, augmentation and degradations.
- bare: a loop somebody who knows torch would write: channels_last, tuned malloc, the same autocast, no hooks.
- textbook: contiguous float tensors, fp32, activations out of place, the default allocator.
"""

from __future__ import annotations

import argparse
import ctypes
import io
import statistics
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np
import torch
import torch.nn.functional as F
from rich.console import Console
from torch import Tensor, nn

from srkit.cli.progress import ProgressDisplay
from srkit.execution import _own_observers, baseline
from srkit.experiment import complete, read_experiment, require_sound
from srkit.readiness import make_ready, make_run
from srkit.registry import Registry
from srkit.training.device import keep_freed_memory
from srkit.training.loop import _one_step
from srkit.training.precision import autocast, best_precision

BATCH, PATCH, CHANNELS, SCALE = 16, 128, 128, 2
WINDOW = 5

EXPERIMENT = f"""
scale = {SCALE}
seed = 1
steps = 1000000
precision = "%s"
lr = 1e-3
[data]
train = {{ use = "sample-photos", split = "train" }}
patch_size = {PATCH}
batch_size = {BATCH}
[downscaler]
use = "torch-bilinear"
[generator]
use = "espcn"
channels = {CHANNELS}
[[pixel_loss]]
use = "mse"
[log]
every = 50
"""


def plain_espcn(*, inplace: bool) -> nn.Module:
    """The same network, written out."""
    return nn.Sequential(
        nn.Conv2d(3, CHANNELS, 5, padding=2),
        nn.LeakyReLU(0.1, inplace=inplace),
        nn.Conv2d(CHANNELS, CHANNELS, 3, padding=1),
        nn.LeakyReLU(0.1, inplace=inplace),
        nn.Conv2d(CHANNELS, 3 * SCALE**2, 3, padding=1),
        nn.PixelShuffle(SCALE),
    )


def photos() -> list[np.ndarray]:
    from srkit.components.datasets.sample_photos import SamplePhotos

    data = SamplePhotos(split="train")
    return [data[index] for index in range(len(data))]


def crops(pictures: list[np.ndarray], random: np.random.Generator) -> np.ndarray:
    """A batch of random crops with flips and turns, uint8 (B, P, P, 3)."""
    batch = np.empty((BATCH, PATCH, PATCH, 3), np.uint8)
    for slot in range(BATCH):
        picture = pictures[random.integers(len(pictures))]
        top, left = (random.integers(side - PATCH + 1) for side in picture.shape[:2])
        patch = picture[top : top + PATCH, left : left + PATCH]
        patch = patch[:, ::-1] if random.integers(2) else patch
        batch[slot] = np.rot90(patch, random.integers(4))
    return batch


def shrink(hr: Tensor) -> Tensor:
    lr = F.interpolate(hr, scale_factor=1 / SCALE, mode="bilinear", antialias=True, align_corners=False)
    return lr.clamp(0, 1).mul(255).round().div(255)


def bare_loop(precision: str, pictures: list[np.ndarray]) -> Callable[[], None]:
    network = plain_espcn(inplace=True).to(memory_format=torch.channels_last)
    optimizer = torch.optim.Adam(network.parameters(), lr=1e-3)
    random = np.random.default_rng(1)

    def step() -> None:
        hr = torch.from_numpy(crops(pictures, random)).permute(0, 3, 1, 2).float().div(255)
        lr = shrink(hr)
        with autocast(torch.device("cpu"), precision):
            sr = network(lr)
        loss = F.mse_loss(sr.float(), hr)
        optimizer.zero_grad(set_to_none=True)
        loss.backward()
        optimizer.step()

    return step


def textbook_loop(pictures: list[np.ndarray]) -> Callable[[], None]:
    network = plain_espcn(inplace=False)
    optimizer = torch.optim.Adam(network.parameters(), lr=1e-3)
    random = np.random.default_rng(1)

    def step() -> None:
        batch = np.ascontiguousarray(crops(pictures, random).transpose(0, 3, 1, 2)).astype(np.float32) / 255
        hr = torch.from_numpy(batch)
        lr = shrink(hr)
        sr = network(lr)
        loss = F.mse_loss(sr, hr)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()

    return step


def runner(precision: str, folder: Path) -> Callable[[], None]:
    file = folder / "speed.toml"
    file.write_text(EXPERIMENT % precision, encoding="utf-8")
    registry = Registry.installed()
    plan = complete(read_experiment(file), registry)
    require_sound(plan)
    ready = make_ready(plan, "cpu", None, lambda _: None)
    display = ProgressDisplay(Console(file=io.StringIO(), width=80))
    observers = {"progress": display, **_own_observers(ready.assembly, baseline(SCALE, registry))}
    run = make_run(ready, folder / "run", None, observers)
    run.folder.mkdir()
    run.hooks.call("srkit_run_start", run=run)
    batches = run.batches(1)
    return lambda: _one_step(run, batches)


def default_malloc() -> None:
    """What glibc does unless told otherwise, by its documented defaults and the largest dynamic threshold."""
    libc = ctypes.CDLL(None)
    mallopt = libc.mallopt
    for option, value in ((-4, 65536), (-1, 128 * 1024), (-2, 0), (-3, 32 * 1024 * 1024)):
        mallopt(option, value)
    libc.malloc_trim(0)  # else the pages that the other loop kept would serve this one too


def window(step: Callable[[], None]) -> float:
    begun = time.perf_counter()
    for _ in range(WINDOW):
        step()
    return (time.perf_counter() - begun) / WINDOW


def compare(
    name: str, one: Callable[[], None], other: Callable[[], None], pairs: int, around_other: Callable[[], None] | None
) -> None:
    """Print `other`'s time divided by `one`'s: over 1, `one` is faster."""
    ratios = []
    for number in range(pairs + 1):
        keep_freed_memory()
        mine = window(one)
        if around_other is not None:
            around_other()
        theirs = window(other)
        if number:  # the first pair warms up
            ratios.append(theirs / mine)
    ratios.sort()
    print(f"{name}: {statistics.median(ratios):.2f} (from {ratios[0]:.2f} to {ratios[-1]:.2f}, {pairs} pairs)")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--precision", default="fp32,bf16")
    parser.add_argument("--pairs", type=int, default=12)
    options = parser.parse_args()
    pictures = photos()
    auto, why = best_precision(torch.device("cpu"))
    print(f"torch {torch.__version__}, {torch.get_num_threads()} threads, auto means {auto}: {why}")
    for precision in options.precision.split(","):
        with tempfile.TemporaryDirectory() as folder:
            ours = runner(precision, Path(folder))
            compare(f"{precision}: runner against bare", ours, bare_loop(precision, pictures), options.pairs, None)
            textbook = textbook_loop(pictures)
            compare(f"{precision}: runner against textbook fp32", ours, textbook, options.pairs, default_malloc)


if __name__ == "__main__":
    main()
