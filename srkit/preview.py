"""What a network will see: a step's pairs with what was drawn for them, the pictures in numbers, the loader's speed."""

from __future__ import annotations

import re
import statistics
import tempfile
import time
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import numpy as np
import torch
from torch import Tensor

from srkit.contracts import Dataset
from srkit.data.recording import RecordedDraws
from srkit.draws import StreamKey
from srkit.dry_run import time_of_step
from srkit.evaluation.contact_sheet import Shown
from srkit.experiment import Pick, Plan, StagePlan
from srkit.readiness import Prepared, make_ready, make_run
from srkit.training.failure import told
from srkit.training.pairs import Pairing
from srkit.training.run import Run

MEASURED = 256
"""Training pictures whose size and sharpness are taken."""

QUICK = 0.3
"""Seconds of a step that is so short that one measurement says little."""

BATCHES = 8
"""Batches whose loading is timed, after those that the workers had ready."""


@dataclass(frozen=True)
class Preview:
    """What `srkit data` shows.

    Attributes:
        seed, step: which pairs.
        pairs: the step's first batch.
        pictures: training pictures in all.
        validation: validation pictures in all.
        broken: what cannot be used, a sentence each.
        measured: pictures whose size and sharpness were taken, the first of the set.
        sizes: (width, height) -> how many of them.
        sharpness: of each: the deviation of luma's Laplacian, in levels.
        workers: loader processes.
        load_seconds: for a batch.
        step_seconds: for an update, without waiting for data.
    """

    seed: int
    step: int
    pairs: list[Shown]
    pictures: int
    validation: int
    broken: list[str]
    measured: int
    sizes: dict[tuple[int, int], int]
    sharpness: list[float]
    workers: int
    load_seconds: float
    step_seconds: float

    @property
    def waiting(self) -> float:
        """The share of the time that a step waits for its data, judging by the two times."""
        if self.workers == 0:
            return self.load_seconds / (self.load_seconds + self.step_seconds)
        return max(0.0, 1 - self.step_seconds / self.load_seconds) if self.load_seconds else 0.0


def preview(plan: Plan, step: int, device: str | None, notice: Callable[[str], None]) -> Preview:
    """Make a step's batch as the run will, and measure. Broken pictures are listed and left out; nothing is written.

    Raises:
        SrkitError: as the run itself would; there is no such step.
    """
    plan.experiment.data.skip_broken = True
    for stage in plan.stages:
        stage.experiment.data.skip_broken = True
    ready = make_ready(plan, device, None, notice)
    with tempfile.TemporaryDirectory(prefix="srkit-") as folder:
        run = make_run(ready, Path(folder), None, {})
        with told(ready.assembly, ready.device, "while a batch was made"):
            pairs = _pairs(run, step)
            load_seconds = _time_of_batch(run, ready)
            step_seconds = _time_of_step(run, step)
    sizes, sharpness = _numbers(ready.data)
    return Preview(
        seed=plan.experiment.seed,
        step=step,
        pairs=pairs,
        pictures=len(ready.data),
        validation=len(ready.assembly.validate) if ready.assembly.validate is not None else 0,
        broken=ready.facts["data"]["skipped"],
        measured=len(sharpness),
        sizes=sizes,
        sharpness=sharpness,
        workers=ready.workers,
        load_seconds=load_seconds,
        step_seconds=step_seconds if ready.workers else max(0.0, step_seconds - load_seconds),
    )


@torch.no_grad()
def _pairs(run: Run, step: int) -> list[Shown]:
    span = run.timeline.at(step)
    batches = run.batches(step)
    batch = next(batches)
    batches.close()
    records: list[dict[str, list[str]]] = [{} for _ in batch.request.slots]

    def streams(key: StreamKey, samples: Sequence[int], name: str) -> RecordedDraws:
        return RecordedDraws(key, samples, name, records)

    parts = Pairing(run.assembly, run.device)(batch, span, run.stepper.attempt, streams)
    lr, hr = torch.cat([part.lr for part in parts]), torch.cat([part.hr for part in parts])
    plan = run.assembly.plan
    picks = picks_by_entry(plan, plan.stages[span.number])
    return [
        Shown(name, _picture(small), _picture(large), in_words(record, picks))
        for name, small, large, record in zip(batch.names, lr, hr, records, strict=False)
    ]


def _picture(image: Tensor) -> np.ndarray:
    return (image * 255).round().clamp(0, 255).to("cpu", torch.uint8).permute(1, 2, 0).contiguous().numpy()


def picks_by_entry(plan: Plan, stage: StagePlan) -> dict[str, Pick]:
    """What a stage's streams are named by, with the component that draws from them."""
    alone = {path[0]: pick for path, pick in plan.picks.items() if path in (("downscaler",), ("target",))}
    entries = zip(stage.experiment.degradation, stage.degradations, strict=True)
    return {str(key): pick for key, pick in alone.items()} | {entry.name: pick for entry, pick in entries}


def in_words(record: Mapping[str, Sequence[str]], picks: Mapping[str, Pick]) -> list[str]:
    """`jpeg: 83`, one line an entry; a pipeline's parts without its own name, other parts by their names."""
    lines = []
    for name, values in record.items():
        entry, *inner = name.split("/")
        words, pick = [entry], picks.get(entry)
        for part in inner:
            parts = _parts(pick)
            known = part.isdecimal() and int(part) < len(parts)
            words.append(_part_name(parts, int(part)) if known else part)
            pick = parts[int(part)] if known else None
        text = _named(", ".join(values), _parts(pick))
        lines.append(f"{'/'.join(words).removeprefix('lr_pipeline/')}: {text}")
    return lines


def _named(text: str, parts: Sequence[Pick]) -> str:
    """Words with the parts' names in place of `#1`, `#2`."""
    return re.sub(r"#(\d+)", lambda found: _part_name(parts, int(found[1]) - 1), text)


def _parts(pick: Pick | None) -> list[Pick]:
    """The components that a component is made of, where it has one list of them."""
    options = [] if pick is None else [one for one in pick.all_options().values() if isinstance(one, list)]
    lists = [one for one in options if one and all(isinstance(part, Pick) for part in one)]
    return lists[0] if len(lists) == 1 else []


def _part_name(parts: Sequence[Pick], number: int) -> str:
    """The name of a part, with its number where several have that name or it is not known."""
    if not 0 <= number < len(parts):
        return f"#{number + 1}"
    name = parts[number].component.name
    return name if [part.component.name for part in parts].count(name) == 1 else f"{name} #{number + 1}"


def _time_of_batch(run: Run, ready: Prepared) -> float:
    """Seconds for one batch of the loader, its first ones aside."""
    ahead = 1 + 2 * ready.workers
    requests = min(ahead + BATCHES, run.total_steps)
    batches = run.batches(1)
    times = []
    for _ in range(requests):
        begun = time.perf_counter()
        next(batches)
        times.append(time.perf_counter() - begun)
    batches.close()
    kept = times[ahead:] or times[-1:]
    return statistics.median(kept)


def _time_of_step(run: Run, step: int) -> float:
    """Seconds of an update in that step's stage; the shortest of three where that takes no time."""
    span = run.timeline.at(step)
    taken = partial(time_of_step, run, step, span.last)
    first = taken()
    return min(first, taken(), taken()) if first < QUICK else first


def _numbers(dataset: Dataset) -> tuple[dict[tuple[int, int], int], list[float]]:
    sizes: Counter[tuple[int, int]] = Counter()
    sharpness = []
    for index in range(min(MEASURED, len(dataset))):
        sample = dataset[index]
        hr = sample[1] if isinstance(sample, tuple) else sample
        sizes[hr.shape[1], hr.shape[0]] += 1
        sharpness.append(sharpness_of(hr))
    return dict(sizes.most_common()), sharpness


def sharpness_of(image: np.ndarray) -> float:
    """The deviation of the Laplacian of luma, in levels of 255: about 2 out of focus, 20 and more in sharp texture."""
    luma = image.astype(np.float32) @ np.array([0.299, 0.587, 0.114], np.float32)
    if min(luma.shape) < 3:
        return 0.0
    around = luma[:-2, 1:-1] + luma[2:, 1:-1] + luma[1:-1, :-2] + luma[1:-1, 2:]
    return float((around - 4 * luma[1:-1, 1:-1]).std())


__all__ = ["Preview", "preview", "sharpness_of"]
