"""A GAN step as ratios: the runner against a bare hand-written loop, and against a textbook loop.

    python -m tests.benchmarks.gan_speed [--pairs 6]

Small rrdb, unet and vgg19 (random weights) at x4, fp32, on noise of 96 pixels. Single steps alternate between the loops
in one process. Nothing is asserted.

- runner: srkit's own step with data, hooks and files.
- bare: the processor's best layout, D frozen in G's step, originals without graph.
- textbook: contiguous, D not frozen, the original's features and D(real) with graph and computed again.
"""

from __future__ import annotations

import argparse
import tempfile
from collections.abc import Callable
from functools import partial
from pathlib import Path

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from srkit.assembly import assemble
from srkit.execution import _own_observers, baseline
from srkit.experiment import Plan, complete, read_experiment, require_sound
from srkit.layout import training_layout
from srkit.readiness import make_ready, make_run
from srkit.registry import Registry
from srkit.training.device import keep_freed_memory
from srkit.training.loop import _one_step
from tests.benchmarks.training_speed import compare, elsewhere, photos, window

BATCH, PATCH = 4, 96
EXPERIMENT = f"""
scale = 4
seed = 1
steps = 1000000
precision = "fp32"
lr = 1e-4
[data]
train = {{ use = "sample-photos", split = "train" }}
patch_size = {PATCH}
batch_size = {BATCH}
[downscaler]
use = "torch-bilinear"
[generator]
use = "rrdb"
channels = 32
growth = 16
blocks = 2
[[pixel_loss]]
use = "l1"
[[feature_loss]]
use = "vgg19"
weights = "random"
layers = ["conv5_4"]
[discriminator]
use = "unet"
channels = 32
[adversarial_loss]
use = "relativistic-average"
weight = 0.1
[log]
every = 50
"""


def plan_in(folder: Path) -> Plan:
    file = folder / "speed.toml"
    file.write_text(EXPERIMENT, encoding="utf-8")
    plan = complete(read_experiment(file), Registry.installed())
    require_sound(plan)
    return plan


def runner(folder: Path) -> Callable[[], None]:
    ready = make_ready(plan_in(folder), "cpu", None, lambda _: None)
    observers = _own_observers(ready.assembly, baseline(4, Registry.installed()))
    run = make_run(ready, folder / "run", None, observers)
    run.folder.mkdir()
    run.hooks.call("srkit_run_start", run=run)
    batches = run.batches(1)
    return lambda: _one_step(run, batches)


def loop(folder: Path, *, bare: bool) -> Callable[[], None]:
    """Both players by hand, with the same networks."""
    assembly = assemble(plan_in(folder))
    generator, discriminator = assembly.generator, assembly.discriminator
    trunk = assembly.losses["vgg19"].trunk
    assert isinstance(discriminator, nn.Module) and isinstance(trunk, nn.Module)
    layout = training_layout(torch.device("cpu")) if bare else torch.contiguous_format
    for module in (generator, discriminator, trunk):
        module.to(memory_format=layout)  # type: ignore[call-overload]
    optimizers = [torch.optim.Adam(one.parameters(), lr=1e-4) for one in (generator, discriminator)]
    pictures, random = photos(), torch.Generator().manual_seed(1)

    def features(image: Tensor) -> Tensor:
        found: Tensor = trunk(image, ["conv5_4"], "before")["conv5_4"]
        return found

    def entropy(logits: Tensor, target: float) -> Tensor:
        return F.binary_cross_entropy_with_logits(logits, torch.full_like(logits, target))

    def against(winner: Tensor, loser: Tensor) -> Tensor:
        return entropy(winner - loser.mean(), 1.0) / 2 + entropy(loser - winner.mean(), 0.0) / 2

    def batch() -> tuple[Tensor, Tensor]:
        cut = []
        for _ in range(BATCH):
            picture = pictures[int(torch.randint(len(pictures), (1,), generator=random))]
            top, left = (int(torch.randint(side - PATCH + 1, (1,), generator=random)) for side in picture.shape[:2])
            cut.append(torch.from_numpy(picture[top : top + PATCH, left : left + PATCH].copy()))
        hr = torch.stack(cut).permute(0, 3, 1, 2).to(torch.float32, memory_format=layout).div(255)
        lr = F.interpolate(hr, scale_factor=1 / 4, mode="bilinear", antialias=True, align_corners=False)
        return lr.mul(255).round().div(255), hr

    def step() -> None:
        lr, hr = batch()
        discriminator.requires_grad_(not bare)
        sr = generator(lr)
        if bare:
            with torch.no_grad():
                wanted = features(hr)
        else:
            wanted = features(hr.clone().requires_grad_())
        with torch.set_grad_enabled(not bare):
            real = discriminator(hr)
        loss = F.l1_loss(sr, hr) + F.mse_loss(features(sr), wanted) + 0.1 * against(discriminator(sr), real)
        optimizers[0].zero_grad()
        loss.backward()
        optimizers[0].step()
        discriminator.requires_grad_(True)
        optimizers[1].zero_grad()
        against(discriminator(hr), discriminator(sr.detach())).backward()
        optimizers[1].step()

    return step


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--pairs", type=int, default=6)
    pairs = parser.parse_args().pairs
    keep_freed_memory()
    print(f"torch {torch.__version__}, {torch.get_num_threads()} threads; over 1: the runner is faster")
    with tempfile.TemporaryDirectory() as folder:
        ours = partial(window, runner(Path(folder)), 1)
        compare("runner against bare", ours, partial(window, loop(Path(folder), bare=True), 1), pairs)
        with elsewhere(partial(loop, Path(folder), bare=False), 1) as textbook:
            compare("runner against textbook", ours, textbook, pairs)


if __name__ == "__main__":
    main()
