"""Reports that are made up: runs, scores and pictures without any training."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from srkit.evaluation.bench.entries import Comparison, Entry, compare
from srkit.evaluation.curves import RunCurves, Series, scatters
from srkit.evaluation.report.contents import Chapter, Contents, Picture, Shown, Subject
from srkit.evaluation.rows import MetricMean, Row

NAMES = ("first", "second")
EXPERIMENT = """scale = 2
seed = 1
[data.train]
use = "folder"
path = "photos"
[generator]
use = "espcn"
channels = {channels}
"""


def subject(name: str, channels: int = 8, **other: Any) -> Subject:
    """A run of a GAN, so that every chart has something to show."""
    steps = tuple(range(5, 105, 5))
    falling = Series(steps, tuple(100 / step for step in steps))
    metrics = {
        "mse": falling,
        "loss": Series(steps, tuple(120 / step for step in steps)),
        "lr": Series(steps, (1e-3,) * 20),
        "discriminator/accuracy_real": Series(steps, (0.5, None) * 10),
        "discriminator/accuracy_fake": Series(steps, (0.75,) * 20),
    }
    curves = RunCurves(name, Path(name), metrics, {"psnr-y": Series((50, 100), (27.5, 28.25))}, {"psnr-y": "dB"})
    text = EXPERIMENT.format(channels=channels)
    experiment = {
        "scale": 2,
        "seed": 1,
        "data": {"train": {"use": "folder", "path": "photos"}},
        "generator": {"use": "espcn", "channels": channels},
    }
    manifest = {"srkit": "0.1.0", "versions": {"torch": "2"}, "sessions": [{"device": "cpu", "command": ["run", "x"]}]}
    facts = {"state": "finished, 100 steps", "experiment": experiment, "text": text, "manifest": manifest}
    return Subject(name=name, curves=curves, **(facts | other))


def row(model: str, psnr: float, lpips: float, photos: int = 12) -> Row:
    """Scores of one model; those of single photos lie around the mean, farther for a better model."""
    around = [(number - (photos - 1) / 2) * psnr / 250 for number in range(photos)]
    return Row(
        model=model,
        set="made",
        scale=2,
        downscaler="matlab-bicubic",
        images=photos,
        metrics={"psnr-y": MetricMean(psnr, "dB", True), "lpips": MetricMean(lpips, "", False)},
        per_image={
            f"{number:02}.png": {"psnr-y": psnr + one, "lpips": lpips + one / 100} for number, one in enumerate(around)
        },
        border=2,
        parameters=1234,
    )


def comparison(names: Sequence[str] = NAMES) -> Comparison:
    rows = [row("bicubic", 26.0, 0.4), *(row(name, 27.0 + number, 0.3) for number, name in enumerate(names))]
    return compare([Entry(one) for one in rows])


def shown(name: str, models: Sequence[str], size: tuple[int, int] = (48, 32), seed: int = 0) -> Shown:
    """A photo of noise in several versions, (width, height)."""
    noise = np.random.default_rng(seed)
    pictures = [
        Picture(model, "" if model == "original" else "27.00 dB", noise.integers(0, 256, (*size[::-1], 3), np.uint8))
        for model in models
    ]
    return Shown(name, size, (0, 0, *size), pictures)


def contents(names: Sequence[str] = NAMES, photos: int = 2, size: tuple[int, int] = (48, 32)) -> Contents:
    """A whole report."""
    table = comparison(names)
    models = ["original", "bicubic", *names]
    chapter = Chapter(
        title="made, x2",
        comparison=table,
        scatters=scatters([entry.row for entry in table.entries]),
        photos=[shown(f"{number:02}.png", models, size, seed=number) for number in range(photos)],
        of=12,
    )
    subjects = [subject(name, channels=8 * (number + 1)) for number, name in enumerate(names)]
    return Contents(subjects, [chapter], made="Made by hand.")
