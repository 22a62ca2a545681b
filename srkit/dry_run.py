"""`--dry-run`: one step and one validation picture for real, and what the whole run would take by them."""

from __future__ import annotations

import resource
import sys
import tempfile
import time
from dataclasses import dataclass, replace
from pathlib import Path

import torch

from srkit.evaluation.judging import make_judge
from srkit.execution import make_ready, make_run
from srkit.experiment import Plan
from srkit.training.device import describe

PICTURE_BYTES_PER_PIXEL = 2.0
"""What a photo takes as PNG, about."""


@dataclass(frozen=True)
class DryRun:
    """What a run would take: seconds for all steps, bytes of memory at its peak, bytes on disk at its end."""

    device: str
    steps: int
    seconds_per_step: float
    memory_bytes: int
    disk_bytes: int

    @property
    def seconds(self) -> float:
        return self.steps * self.seconds_per_step


def dry_run(plan: Plan, device: str | None) -> DryRun:
    """Do the first step twice (the first warms up) and validate one picture; nothing is left behind.

    Raises:
        SrkitError: as the run itself would.
    """
    ready = make_ready(plan, device, None, lambda _: None)
    with tempfile.TemporaryDirectory(prefix="srkit-") as folder:
        judge = make_judge(ready.assembly, ready.device)
        run = make_run(ready, Path(folder), None, {})
        batches = run.batches(1)
        span = run.timeline.at(1)
        seconds = 0.0
        for step in (1, 2):
            begun = time.perf_counter()
            run.stepper(1 if step > run.total_steps else step, span, lambda: next(batches), lambda _: None)
            _wait(ready.device)
            seconds = time.perf_counter() - begun
            if run.total_steps == 1:
                break
        batches.close()
        pictures = 0
        if judge is not None:
            replace(judge, photos=judge.photos[:1]).validate(run.model, "dry run")
            pixels = sum(one.lr.shape[-1] * one.lr.shape[-2] * judge.scale**2 for one in judge.photos)
            pictures = int(pixels * PICTURE_BYTES_PER_PIXEL)
        saved = run.save()
        size = sum(one.stat().st_size for one in saved.iterdir())
    experiment = plan.experiment
    every = experiment.validation.every
    validations = 1 + (run.total_steps // every if every else 0)
    kept = min(experiment.checkpoint.keep, -(-run.total_steps // experiment.checkpoint.every)) + 1
    kept += experiment.checkpoint.best is not None
    disk = size * kept + pictures * validations
    return DryRun(describe(ready.device), run.total_steps, seconds, _memory(ready.device), disk)


def _wait(device: torch.device) -> None:
    if device.type == "cuda":
        torch.cuda.synchronize(device)
    elif device.type == "mps":
        torch.mps.synchronize()


def _memory(device: torch.device) -> int:
    if device.type == "cuda":
        return int(torch.cuda.max_memory_allocated(device))
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    # kilobytes on Linux, bytes on macOS
    return peak if sys.platform == "darwin" else peak * 1024
