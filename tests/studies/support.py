"""A launcher that does as a script says, and studies and runs that nobody trained."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import tomli_w

from srkit.contracts import Job, JobState
from srkit.evaluation.rows import MetricMean, Row
from srkit.evaluation.scores_file import write_scores
from srkit.studies.folder import Cell, Study, write_study


class Scripted:
    """Gives each job the states that are written for it, one after another; the last one stays.

    Args:
        script: cell -> the states of its first job, of its second, and so on; "done" at once for all else.
        say: cell -> what its jobs print.
    """

    def __init__(
        self, script: Mapping[str, Sequence[Sequence[JobState]]], say: Mapping[str, str] | None = None
    ) -> None:
        self.script, self.say = script, say or {}
        self.submitted: list[Job] = []
        self.states: dict[str, list[JobState]] = {}
        self.cancelled: list[str] = []

    def submit(self, job: Job) -> str:
        times = sum(one.name == job.name for one in self.submitted)
        self.submitted.append(job)
        lines = self.script.get(job.name, [["done"]])
        name = f"{job.name}/{times}"
        self.states[name] = list(lines[min(times, len(lines) - 1)])
        if job.name in self.say:
            with job.log.open("a", encoding="utf-8") as log:
                log.write(self.say[job.name])
        return name

    def state(self, job: str) -> JobState:
        states = self.states[job]
        return states.pop(0) if len(states) > 1 else states[0]

    def cancel(self, job: str) -> None:
        self.cancelled.append(job)
        if self.states[job][-1] in ("waiting", "running"):
            self.states[job] = ["lost"]


def study_of(folder: Path, *names: str, **states: str) -> Study:
    """A study of cells called so, each a row of its own; `states` other than waiting."""
    cells = tuple(Cell(name, name, 1, state=states.get(name, "waiting")) for name in names)  # type: ignore[arg-type]
    study = Study(folder, folder.name, "study.toml", {"use": "scripted"}, "", cells)
    for cell in cells:
        study.experiment_file(cell).parent.mkdir(parents=True)
    write_study(study)
    return study


def begin_run(folder: Path, steps: int = 10, step: int = 0, **experiment: Any) -> None:
    """A run's folder as it is while the run trains."""
    folder.mkdir(parents=True, exist_ok=True)
    values = {"scale": 2, "steps": steps, "seed": 1, "data": {"batch_size": 4}} | experiment
    (folder / "experiment.toml").write_text(tomli_w.dumps(values), encoding="utf-8")
    session = {"device": "cpu (x86, 1 threads)", "threads": 1}
    manifest = {"data": {"train": "abc"}, "sessions": [session]}
    (folder / "manifest.json").write_text(json.dumps(manifest), encoding="utf-8")
    lines = [{"step": one, "time": 100.0 + one, "images_per_second": 8.0} for one in range(2, step + 1, 2)]
    text = "".join(json.dumps(line) + "\n" for line in lines)
    (folder / "metrics.jsonl").write_text(text, encoding="utf-8")


def finish_run(
    folder: Path,
    scores: Mapping[str, float | None],
    steps: int = 10,
    metric: str = "psnr-y",
    warnings: Sequence[str] = (),
    **experiment: Any,
) -> None:
    """A finished run, its scores by photo beside those of bicubic, which has 20 everywhere."""
    begin_run(folder, steps, steps, **experiment)
    rows = [row_of("bicubic", dict.fromkeys(scores, 20.0), metric), row_of(folder.name, scores, metric, warnings)]
    write_scores(folder / "scores.json", rows)


def row_of(model: str, scores: Mapping[str, float | None], metric: str, warnings: Sequence[str] = ()) -> Row:
    values = list(scores.values())
    known = [one for one in values if one is not None]
    mean = sum(known) / len(known) if len(known) == len(values) else None
    return Row(
        model=model,
        set="val",
        scale=2,
        downscaler="pillow",
        images=len(scores),
        metrics={metric: MetricMean(mean, "dB", True)},
        per_image={photo: {metric: value} for photo, value in scores.items()},
        border=2,
        parameters=0 if model == "bicubic" else 1000,
        seconds_per_megapixel=0.5,
        warnings=tuple(warnings),
    )


def scores_of(row: int, seed: int, images: int = 12) -> dict[str, float]:
    """Photos' scores: each row a dB better than the one before it, with what photo, seed and both of them add."""
    photo = np.random.default_rng(5).normal(30, 3, images)
    own = np.random.default_rng([row, seed])
    values = photo + row + own.normal(0, 0.1) + own.normal(0, 0.05, images)
    return {f"{number:02}.png": float(value) for number, value in enumerate(values)}


def a_study(folder: Path, rows: int = 2, seeds: int = 3, images: int = 12) -> Study:
    """A finished study of rows r0, r1 and so on."""
    cells = [
        Cell(f"r{row}-seed{seed}", f"r{row}", seed, state="done") for seed in range(1, seeds + 1) for row in range(rows)
    ]
    study = Study(folder, "s", "s.toml", {"use": "local"}, "", tuple(cells))
    folder.mkdir(parents=True)
    write_study(study)
    for cell in cells:
        finish_run(folder / cell.name, scores_of(int(cell.alternative[1:]), cell.seed, images), seed=cell.seed)
    return study
