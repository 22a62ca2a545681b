"""Small photos that hold enough detail, and a run over them without a terminal."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from hashlib import sha256
from pathlib import Path

import numpy as np
from PIL import Image

from srkit.preparing.folder import State, state_of
from srkit.preparing.journal import Decided
from srkit.preparing.photos import find_photos
from srkit.preparing.plan import Plan, make_plan
from srkit.preparing.settings import Settings
from srkit.preparing.work import carry_out
from srkit.registry import Registry

PLAIN = Settings(
    patch_size=16,
    places="grid",
    overlap=0.0,
    shrinks=(1, 2),
    downscaler="srkit:pillow",
    shrink_first={},
    flat=1.0,
    near_duplicates=24,
    validate=0.0,
    form="png",
    seed=12,
)


def photo(path: Path, seed: int, width: int = 40, height: int = 36, **options: object) -> Path:
    """Noise that is coarse enough for its perceptual hash to last."""
    path.parent.mkdir(parents=True, exist_ok=True)
    coarse = np.random.default_rng(seed).integers(0, 256, (9, 10, 3), dtype=np.uint8)
    Image.fromarray(coarse).resize((width, height), Image.Resampling.BICUBIC).save(path, **options)
    return path


def planned(source: Path, out: Path, **changes: object) -> Plan:
    settings = replace(PLAIN, **changes)  # type: ignore[arg-type]  # names of fields
    return make_plan(settings, [str(source)], find_photos([source], out, Registry.installed()))


class Silent:
    """A watcher that remembers."""

    def __init__(self) -> None:
        self.earlier: list[int] = []
        self.jobs: list[int] = []

    def begin(self, earlier: Sequence[int]) -> None:
        self.earlier = list(earlier)

    def done(self, job: int) -> None:
        self.jobs.append(job)


def prepare(source: Path, out: Path, workers: int = 1, **changes: object) -> list[Decided]:
    plan = planned(source, out, **changes)
    assert state_of(out, plan) is not State.FINISHED
    return carry_out(plan, out, workers, Silent())


def contents(folder: Path) -> dict[str, str]:
    """Every file below a folder with the hash of what it holds."""
    files = [path for path in folder.rglob("*") if path.is_file()]
    return {path.relative_to(folder).as_posix(): sha256(path.read_bytes()).hexdigest() for path in sorted(files)}
