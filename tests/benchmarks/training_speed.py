"""Training speed as ratios: the runner against a bare hand-written loop, and against a textbook loop.

    python -m tests.benchmarks.training_speed [--precision bf16] [--pairs 12]

ESPCN with 128 channels on the sample photos, batches of 16, LR 64x64, x2. Windows of a few steps alternate between the
loops, so that a machine whose speed drifts cannot favour one. Nothing is asserted.

- runner: srkit's own loop with its hooks (files, TensorBoard, progress), loader, augmentation and degradations.
- bare: a loop somebody who knows torch would write: the processor's best layout, tuned malloc, the same autocast, no
  hooks. In one process with the runner.
- textbook: contiguous float tensors, fp32, activations out of place, the default allocator, which is a process's from its
  first tensor on: so it waits for its turns in a process of its own.
"""

from __future__ import annotations

import argparse
import io
import multiprocessing
import statistics
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import partial
from multiprocessing.connection import Connection
from pathlib import Path

import numpy as np
import torch
import torch.nn.functional as F
from rich.console import Console
from torch import Tensor, nn

from srkit.cli.progress import ProgressDisplay
from srkit.execution import _own_observers, baseline
from srkit.experiment import complete, read_experiment, require_sound
from srkit.layout import training_layout
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
    layout = training_layout(torch.device("cpu"))
    network = plain_espcn(inplace=True).to(memory_format=layout)
    optimizer = torch.optim.Adam(network.parameters(), lr=1e-3)
    random = np.random.default_rng(1)

    def step() -> None:
        hr = (
            torch.from_numpy(crops(pictures, random))
            .permute(0, 3, 1, 2)
            .to(torch.float32, memory_format=layout)
            .div_(255)
        )
        lr = shrink(hr)
        with autocast(torch.device("cpu"), precision):
            sr = network(lr)
        loss = F.mse_loss(sr.float(), hr)
        optimizer.zero_grad(set_to_none=True)
        loss.backward()
        optimizer.step()

    return step


def textbook_loop() -> Callable[[], None]:
    pictures = photos()
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


def window(step: Callable[[], None], steps: int = WINDOW) -> float:
    """Seconds a step."""
    begun = time.perf_counter()
    for _ in range(steps):
        step()
    return (time.perf_counter() - begun) / steps


def serve(make: Callable[[], Callable[[], None]], steps: int, turns: Connection) -> None:
    """A window of the loop for each turn that is asked for."""
    step = make()
    while turns.recv():
        turns.send(window(step, steps))


@contextmanager
def elsewhere(make: Callable[[], Callable[[], None]], steps: int = WINDOW) -> Iterator[Callable[[], float]]:
    """The loop in a fresh process, whose allocator nobody has tuned; a call takes the time of one window there."""
    context = multiprocessing.get_context("spawn")
    here, there = context.Pipe()
    process = context.Process(target=serve, args=(make, steps, there), daemon=True)
    process.start()

    def take() -> float:
        here.send(True)
        return here.recv()

    yield take
    here.send(False)
    process.join()


def compare(name: str, one: Callable[[], float], other: Callable[[], float], pairs: int) -> None:
    """Print `other`'s seconds divided by `one`'s: over 1, `one` is faster."""
    ratios = []
    for number in range(pairs + 1):
        mine, theirs = one(), other()
        if number:  # the first pair warms up
            ratios.append(theirs / mine)
    ratios.sort()
    print(f"{name}: {statistics.median(ratios):.2f} (from {ratios[0]:.2f} to {ratios[-1]:.2f}, {pairs} pairs)")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--precision", help="by default fp32, and bf16 where it pays")
    parser.add_argument("--pairs", type=int, default=12)
    options = parser.parse_args()
    keep_freed_memory()
    pictures = photos()
    auto, why = best_precision(torch.device("cpu"))
    print(f"torch {torch.__version__}, {torch.get_num_threads()} threads, auto means {auto}: {why}")
    for precision in (options.precision or ("fp32,bf16" if auto == "bf16" else "fp32")).split(","):
        with tempfile.TemporaryDirectory() as folder:
            ours = partial(window, runner(precision, Path(folder)))
            bare = partial(window, bare_loop(precision, pictures))
            compare(f"{precision}: runner against bare", ours, bare, options.pairs)
            with elsewhere(textbook_loop) as textbook:
                compare(f"{precision}: runner against textbook fp32", ours, textbook, options.pairs)


if __name__ == "__main__":
    main()
