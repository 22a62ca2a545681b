"""Where `prepare` spends its time, and what a second process brings.

    python -m tests.benchmarks.prepare_speed [SRC] [--form png] [--pairs 3]

Without SRC, photos of 12 megapixels are made of scikit-image's as JPEG. The share is a profile of one process at work
(decoding, deciding, encoding, writing); the ratio is of whole runs, alternating. Nothing is asserted.
"""

from __future__ import annotations

import argparse
import cProfile
import os
import pstats
import statistics
import tempfile
import time
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image

from srkit.components.datasets.sample_photos import SamplePhotos
from srkit.preparing.cutting import Cutter
from srkit.preparing.photos import find_photos
from srkit.preparing.plan import Plan, make_plan
from srkit.preparing.settings import Form, Settings
from srkit.preparing.shrinking import Shrinker
from srkit.preparing.targets import WORK, Slot, Target
from srkit.preparing.work import carry_out
from srkit.registry import Registry

CODECS = ("ImagingDecoder", "ImagingEncoder", "WebPEncode", "WebPAnimDecoder", "AvifDecoder")


def made_up(folder: Path) -> Path:
    """A dozen JPEGs of 4000x3000 pixels."""
    photos = SamplePhotos(split="all")
    for number in range(len(photos)):
        picture = Image.fromarray(photos[number]).resize((4000, 3000), Image.Resampling.BICUBIC)
        noise = np.random.default_rng(number).normal(0, 3, (3000, 4000, 1))
        noisy = (np.asarray(picture) + noise).clip(0, 255).astype(np.uint8)
        Image.fromarray(noisy).save(folder / f"{number}.jpg", quality=92)
    return folder


def planned(source: Path, form: Form) -> Plan:
    settings = Settings(256, "grid", 0.0, (1, 2, 4, 8), "srkit:pillow", {}, 1.0, 24, 0.0, form, 12)
    return make_plan(settings, [str(source)], find_photos([source], Path("none"), Registry.installed()))


def profile(plan: Plan, out: Path) -> None:
    """One process's work under cProfile, by who spends the time."""
    target = Target(out, plan.settings.form)
    (out / WORK).mkdir(parents=True)
    target.packing("").touch()
    cutter = Cutter(plan.settings, Shrinker(plan.settings.downscaler, plan.settings.scales, Registry.installed()))
    cutter.look(plan.jobs[0])  # imports
    number = offset = 0
    profiler = cProfile.Profile(time.thread_time)  # whatever else the machine does
    with profiler:
        for job in plan.jobs:
            look = cutter.look(job)
            target.write(Slot("", number, offset), cutter.patches(look))
            number += len(look.places)
            offset += len(look.places) * 3 * look.size[0] * look.size[1]
    rows = list(pstats.Stats(profiler).stats.items())  # type: ignore[attr-defined]  # what the module itself reads
    total = sum(row[2] for _, row in rows)
    codecs = sum(row[2] for name, row in rows if any(word in name[2] for word in CODECS))
    print(f"{len(plan.jobs)} photos, {number} patches, {total:.1f} s in one process")
    print(f"  in Pillow {sum(map(in_pillow, rows)) / total:.1%}, of it decoding and encoding {codecs / total:.1%}")
    for name, row in sorted(rows, key=lambda one: -one[1][2])[:12]:
        print(f"  {row[2] / total:6.1%}  {name[2]}")


def in_pillow(row: tuple[Any, Any]) -> float:
    """Seconds in a function of Pillow's, or in a built-in one that Pillow called."""
    name, (_, _, own, _, callers) = row
    if "PIL" in Path(name[0]).parts or "Imaging" in name[2]:
        return own
    if name[0] != "~":
        return 0.0
    return sum(one[2] for caller, one in callers.items() if "PIL" in Path(caller[0]).parts)


class Nobody:
    """Watches and says nothing."""

    def begin(self, earlier: object) -> None: ...

    def done(self, job: int) -> None: ...


def seconds(plan: Plan, workers: int) -> float:
    with tempfile.TemporaryDirectory() as folder:
        begun = time.perf_counter()
        carry_out(plan, Path(folder) / "out", workers, Nobody())
        return time.perf_counter() - begun


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("source", nargs="?", type=Path)
    parser.add_argument("--form", choices=["png", "webp", "packed"], default="png")
    parser.add_argument("--pairs", type=int, default=3)
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        (folder / "photos").mkdir()
        plan = planned(options.source or made_up(folder / "photos"), options.form)
        print(f"{os.cpu_count()} cores, load {os.getloadavg()[0]:.1f}")
        profile(plan, folder / "out")
        ratios = sorted(seconds(plan, 1) / seconds(plan, 2) for _ in range(options.pairs))
    if ratios:
        print(
            f"two processes are {statistics.median(ratios):.2f} times as fast as one ({ratios[0]:.2f}..{ratios[-1]:.2f})"
        )


if __name__ == "__main__":
    main()
