"""Peak memory of Real-ESRGAN's training against a bare hand-written loop, each in a process of its own.

    python -m tests.benchmarks.gan_memory [--steps 20] [--times 3] [--experiment experiments/real_esrgan-small.toml]

The last stage of the experiment, where all losses and both players are at work, on the CPU, in fp32 and in bf16. Shown is
how much resident memory the process had at most, all in all and beyond what it had before the networks were built (the
programs and the decoded photos), as the median over processes, with the ratio to the bare loop. Nothing is asserted.

- bare: the processor's best layout, D frozen in G's step, originals without graph, an average; no hooks, no files.
- runner: srkit's own steps with data, hooks and files.
- run: the whole of `srkit run`, with checkpoints, validation pictures of whole photos and the final table.
"""

from __future__ import annotations

import argparse
import json
import resource
import statistics
import subprocess
import sys
import tempfile
import tomllib
from collections.abc import Callable
from pathlib import Path
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from srkit.assembly import assemble
from srkit.components.datasets.sample_photos import SamplePhotos
from srkit.draws import SampleDraws, StreamKey
from srkit.execution import _own_observers, baseline, execute
from srkit.experiment import Plan, complete, read_experiment, require_sound
from srkit.layout import training_layout
from srkit.readiness import make_ready, make_run
from srkit.registry import Registry
from srkit.training.device import keep_freed_memory
from srkit.training.loop import _one_step
from srkit.training.precision import autocast

VARIANTS = ("bare", "runner", "run")


def peak() -> float:
    """The most megabytes this process has had."""
    most = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return (most if sys.platform == "darwin" else most * 1024) / 1e6


def file_in(folder: Path, experiment: Path, precision: str, steps: int) -> Path:
    """The experiment's last stage alone."""
    last = tomllib.loads(experiment.read_text(encoding="utf-8"))["stage"][-1]
    weights = ", ".join(f'"{key}" = {value}' for key, value in last.get("set", {}).items())
    file = folder / "memory.toml"
    file.write_text(
        f"extends = {json.dumps(str(experiment.resolve()))}\nprecision = {json.dumps(precision)}\n"
        f"[[stage]]\nsteps = {steps}\nlr = 1e-4\nset = {{ {weights} }}\n",
        encoding="utf-8",
    )
    return file


def plan_of(file: Path) -> Plan:
    plan = complete(read_experiment(file), Registry.installed())
    require_sound(plan)
    return plan


def runner(plan: Plan, folder: Path) -> Callable[[], object]:
    ready = make_ready(plan, "cpu", None, lambda _: None)
    run = make_run(ready, folder / "run", None, _own_observers(ready.assembly, baseline(4, Registry.installed())))
    run.folder.mkdir()
    run.hooks.call("srkit_run_start", run=run)
    batches = run.batches(1)
    return lambda: _one_step(run, batches)


def bare(plan: Plan, precision: str) -> Callable[[], object]:
    """Both players by hand, with the same networks and the same way to the LR images."""
    assembly = assemble(plan)
    experiment = plan.stages[-1].experiment
    vgg_weight, adversarial_weight = experiment.feature_loss[0].weight, experiment.adversarial_loss.weight  # type: ignore[union-attr]
    generator, discriminator = assembly.generator, assembly.discriminator
    vgg: Any = assembly.losses["vgg19"]
    trunk, layers = vgg.trunk, vgg.options.layers
    averaged = [one.detach().clone() for one in generator.parameters()]
    assert isinstance(discriminator, nn.Module)
    for module in (generator, discriminator, trunk):
        module.to(memory_format=training_layout(torch.device("cpu")))
    optimizers = [torch.optim.Adam(one.parameters(), lr=1e-4) for one in (generator, discriminator)]
    data = SamplePhotos(split="train")
    photos = [data[index] for index in range(len(data))]
    side, count = experiment.data.patch_size, experiment.data.batch_size
    random, number = torch.Generator().manual_seed(1), 0

    def batch() -> tuple[Tensor, Tensor, Tensor]:
        cut = []
        for _ in range(count):
            photo = photos[int(torch.randint(len(photos), (1,), generator=random))]
            top, left = (int(torch.randint(one - side + 1, (1,), generator=random)) for one in photo.shape[:2])
            cut.append(torch.from_numpy(photo[top : top + side, left : left + side].copy()))
        hr = (
            torch.stack(cut)
            .permute(0, 3, 1, 2)
            .to(torch.float32, memory_format=training_layout(torch.device("cpu")))
            .div(255)
        )
        draws = SampleDraws(StreamKey(1, 0, number), range(count), "lr_pipeline")
        sharp = hr if assembly.target is None else assembly.target(hr, draws.child("target"))
        return assembly.lr_makers[0].pipeline(hr, draws).mul(255).round().div(255), hr, sharp  # type: ignore[misc]

    def logits(image: Tensor, target: float) -> Tensor:
        found = discriminator(image).float()
        return F.binary_cross_entropy_with_logits(found, torch.full_like(found, target))

    def features(sr: Tensor, hr: Tensor) -> Tensor:
        with torch.no_grad():
            wanted = trunk(hr, layers, "before")
        found = trunk(sr, layers, "before")
        parts = [share * F.l1_loss(found[name].float(), wanted[name].float()) for name, share in layers.items()]
        return torch.stack(parts).sum()

    def step() -> None:
        nonlocal number
        number += 1
        lr, hr, sharp = batch()
        discriminator.requires_grad_(False)
        with autocast(torch.device("cpu"), precision):
            sr = generator(lr).float()
            loss = F.l1_loss(sr, sharp) + vgg_weight * features(sr, sharp) + adversarial_weight * logits(sr, 1.0)
        optimizers[0].zero_grad()
        loss.backward()
        optimizers[0].step()
        with torch.no_grad():
            torch._foreach_lerp_(averaged, list(generator.parameters()), 0.01)
        discriminator.requires_grad_(True)
        with autocast(torch.device("cpu"), precision):
            loss = logits(hr, 1.0) + logits(sr.detach(), 0.0)
        optimizers[1].zero_grad()
        loss.backward()
        optimizers[1].step()

    return step


def measure(variant: str, experiment: Path, precision: str, steps: int) -> tuple[float, float]:
    """Megabytes at most, and before the networks were built, of this process."""
    keep_freed_memory()
    data = SamplePhotos(split="train")
    photos = [data[index] for index in range(len(data))]  # what all variants have decoded
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        plan = plan_of(file_in(folder, experiment, precision, steps))
        before = peak()
        del photos
        if variant == "run":
            execute(plan, Registry.installed(), out=folder / "run", device="cpu")
        else:
            step = bare(plan, precision) if variant == "bare" else runner(plan, folder)
            for _ in range(steps):
                step()
    return peak(), before


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--experiment", type=Path, default=Path("experiments/real_esrgan-small.toml"))
    parser.add_argument("--steps", type=int, default=20)
    parser.add_argument("--times", type=int, default=3)
    parser.add_argument("--one", choices=VARIANTS, help="measure this one, in this process")
    parser.add_argument("--precision", default="fp32", choices=("fp32", "bf16"))
    arguments = parser.parse_args()
    if arguments.one:
        found = measure(arguments.one, arguments.experiment, arguments.precision, arguments.steps)
        print(json.dumps(found))
        return
    command = [sys.executable, "-m", __spec__.name, "--experiment", str(arguments.experiment)]
    command += ["--steps", str(arguments.steps)]
    print(f"{'MB at most':16}{'all in all':>18}{'networks and steps':>24}")
    for precision in ("fp32", "bf16"):
        wanted: tuple[float, float] | None = None
        for variant in VARIANTS:
            own = [*command, "--one", variant, "--precision", precision]
            outputs = [subprocess.check_output(own, text=True) for _ in range(arguments.times)]
            pairs = [json.loads(one.splitlines()[-1]) for one in outputs]
            whole = statistics.median(most for most, _ in pairs)
            added = statistics.median(most - before for most, before in pairs)
            wanted = wanted or (whole, added)
            ratios = whole / wanted[0], added / wanted[1]
            print(
                f"{precision + ' ' + variant:16}{whole:12.0f} {ratios[0]:5.2f}{added:18.0f} {ratios[1]:5.2f}",
                flush=True,
            )


if __name__ == "__main__":
    main()
