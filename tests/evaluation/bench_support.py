"""Pictures, sets and judges for the tests of benchmarks."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import torch
from PIL import Image

from srkit.evaluation.bench.benchmark import Contestant
from srkit.evaluation.bench.cache import ScoreCache
from srkit.evaluation.bench.entries import Entry
from srkit.evaluation.bench.judge import Judge
from srkit.evaluation.bench.recipes import recipe_of
from srkit.evaluation.bench.sets import PhotoSet, folder_set
from srkit.evaluation.rows import MetricMean, Row
from srkit.registry import KINDS, Registry

REGISTRY = Registry.installed()


def picture(number: int, size: tuple[int, int] = (44, 36)) -> np.ndarray:
    """A picture with slopes and edges, (width, height); each number another one."""
    right, down = np.meshgrid(np.arange(size[0]), np.arange(size[1]))
    waves = [np.sin(down / (3 + number) + k) + np.cos(right / (2 + k + number) * 1.3) for k in range(3)]
    blocks = ((down // (7 + number % 4) + right // (5 + number % 3)) % 2)[..., None]
    return (np.stack(waves, -1) * 45 + 110 + 40 * blocks).clip(0, 255).astype(np.uint8)


def write_pictures(folder: Path, count: int, first: int = 0, size: tuple[int, int] = (44, 36)) -> Path:
    folder.mkdir(parents=True, exist_ok=True)
    for number in range(first, first + count):
        Image.fromarray(picture(number, size)).save(folder / f"{number:02}.png")
    return folder


def set_of(folder: Path, scale: int = 2, **tables: object) -> PhotoSet:
    recipe = recipe_of(tables, REGISTRY, shown_as="test", folder=folder)
    return folder_set(folder.name, folder, scale, recipe, REGISTRY)


def quiet(words: str, done: int, total: int) -> None:
    """Progress that nobody watches."""


def judge(cache: Path, names: Sequence[str] = ("psnr-y", "ssim-y"), workers: int = 1) -> Judge:
    def build() -> dict[str, object]:
        return {name: REGISTRY.find(KINDS["metrics"], name, cache).factory() for name in names}

    versions = {name: f"{name} 0" for name in names}
    return Judge(build, versions, torch.device("cpu"), workers, ScoreCache(cache), quiet)  # type: ignore[arg-type]


def network(channels: int = 4, scale: int = 2, seed: int = 1) -> torch.nn.Module:
    """A small untrained generator."""
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        return REGISTRY.find(KINDS["generators"], "espcn", Path()).factory(scale=scale, channels=channels).eval()


def interpolation(name: str, scale: int = 2) -> Contestant:
    factory = REGISTRY.find(KINDS["generators"], name, Path()).factory
    return Contestant(name, f"{name}-{scale}", lambda: factory(scale=scale).eval())


def entry(model: str, values: Sequence[float], *, higher: bool = True, **other: object) -> Entry:
    """A row with these values of one metric, photo by photo."""
    photos = {f"{number:02}.png": {"psnr-y": value} for number, value in enumerate(values)}
    row = Row(
        model=model,
        set="made",
        scale=2,
        downscaler="matlab-bicubic",
        images=len(values),
        metrics={"psnr-y": MetricMean(float(np.mean(values)), "dB", higher)},
        per_image=photos,
        border=2,
    )
    return Entry(row, **other)  # type: ignore[arg-type]  # keywords of Entry
