"""`--dry-run`: a step of each stage and a validation picture for real, and what the whole run would take by them."""

from __future__ import annotations

import sys
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path

import torch

from srkit.evaluation.judging import Judge, make_judge
from srkit.experiment import Plan
from srkit.readiness import Notice, make_ready, make_run
from srkit.training.device import describe
from srkit.training.failure import told
from srkit.training.memory import bounded
from srkit.training.run import Run

PICTURE_BYTES_PER_PIXEL = 2.0
"""What a photo takes as PNG, about."""
PANELS = 3
"""Pictures side by side in a sample or strip."""


@dataclass(frozen=True)
class DryRun:
    """What a run would take.

    Attributes:
        device: in words.
        stages: each stage's steps, and the seconds of one of its updates, discriminator and data included.
        validation_seconds: of one validation on all photos.
        validations: how many there are, the final table included.
        memory_bytes: at the peak.
        disk_bytes: in the run folder at its end.
    """

    device: str
    stages: tuple[tuple[int, float], ...]
    validation_seconds: float
    validations: int
    memory_bytes: int
    disk_bytes: int

    @property
    def steps(self) -> int:
        return sum(steps for steps, _ in self.stages)

    @property
    def seconds(self) -> float:
        training = sum(steps * seconds for steps, seconds in self.stages)
        return training + self.validations * self.validation_seconds

    @property
    def seconds_each(self) -> str:
        """Of a step, in words; where there are stages, of each one's."""
        times = ", ".join(f"{seconds:.3g}" for _, seconds in self.stages)
        return f"{times} s each" if len(self.stages) == 1 else f"{times} s each, by stage"


def dry_run(plan: Plan, device: str | None, notice: Notice = lambda _: None) -> DryRun:
    """Do a step of each stage, once more for the clock, and validate one picture; nothing is left behind.

    Args:
        notice: is told what the run itself would tell before its first step.

    Raises:
        SrkitError: as the run itself would.
    """
    ready = make_ready(plan, device, None, notice)
    judge = make_judge(ready.assembly, ready.device)
    for note in judge.notes if judge is not None else ():
        notice(f"warning: {note}")
    with tempfile.TemporaryDirectory(prefix="srkit-") as folder:
        run = make_run(ready, Path(folder), judge, {})
        with bounded(ready.device), told(ready.assembly, ready.device, "in the dry run"):
            seconds = [time_of_step(run, span.first, span.last) for span in run.timeline.spans]
            validation = _time_of_validation(run, judge) if judge is not None else 0.0
        saved = run.save()
        checkpoint_bytes = sum(one.stat().st_size for one in saved.iterdir())
    every = run.experiment.validation.every
    validations = (run.total_steps // every if every else 0) + 2 if judge is not None else 0
    return DryRun(
        describe(ready.device),
        tuple((span.last - span.first + 1, one) for span, one in zip(run.timeline.spans, seconds, strict=True)),
        validation,
        validations,
        _memory(ready.device),
        checkpoint_bytes * _checkpoints_kept(run) + validations * _picture_bytes(judge),
    )


def time_of_step(run: Run, first: int, last: int) -> float:
    """Seconds of an update, by the second of the steps from `first` to `last`; the first warms up."""
    batches = run.batches(first)
    seconds = 0.0
    for step in range(first, min(first + 1, last) + 1):
        begun = time.perf_counter()
        run.stepper(step, run.timeline.at(step), lambda: next(batches), lambda terms: run.ledger.add(1, terms))
        _wait(run.device)
        seconds = time.perf_counter() - begun
    batches.close()
    return seconds


def _time_of_validation(run: Run, judge: Judge) -> float:
    """Seconds for all photos, by the largest one's."""
    begun = time.perf_counter()
    photo = judge.try_largest(run.model, run.name)
    seconds = time.perf_counter() - begun
    return seconds * sum(one.lr.numel() for one in judge.photos) / photo.lr.numel()


def _checkpoints_kept(run: Run) -> int:
    table = run.experiment.checkpoint
    written = -(-run.total_steps // table.every)
    return min(table.keep, written) + (table.best is not None)


def _picture_bytes(judge: Judge | None) -> int:
    """What the pictures of one validation take."""
    if judge is None:
        return 0
    pixels = sum(one.lr.shape[-1] * one.lr.shape[-2] * judge.scale**2 for one in judge.photos)
    return int(pixels * PANELS * PICTURE_BYTES_PER_PIXEL)


def _wait(device: torch.device) -> None:
    if device.type == "cuda":
        torch.cuda.synchronize(device)
    elif device.type == "mps":
        torch.mps.synchronize()


def _memory(device: torch.device) -> int:
    """Bytes at the peak: of the card, or of this process; 0 where the system does not say (Windows)."""
    if device.type == "cuda":
        return int(torch.cuda.max_memory_allocated(device))
    if sys.platform == "win32":
        return 0
    import resource

    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    # kilobytes on Linux, bytes on macOS
    return peak if sys.platform == "darwin" else peak * 1024
