"""How many patches, how much disk and how long, before it starts: a few photos are cut into memory to find out."""

from __future__ import annotations

import time
from bisect import bisect_right
from collections.abc import Callable
from dataclasses import dataclass
from itertools import accumulate

from srkit.preparing.cutting import Cutter, Job, encoded
from srkit.preparing.plan import Plan
from srkit.preparing.shrinking import Shrinker

PHOTOS = 4
"""How many photos are tried at most, evenly spread over the patches: a large one among small ones is not missed."""

PATCHES = 12
"""How many patches of each are encoded."""


@dataclass(frozen=True)
class Estimate:
    """What a run will come to, roughly.

    Attributes:
        patches: how many will be written.
        most: how many there would be if none were flat.
        bytes: what they take on disk.
        seconds: of work, for one process.
    """

    patches: int
    most: int
    bytes: int
    seconds: float


@dataclass
class _Sums:
    """What was seen of the photos that were tried."""

    pixels: int = 0
    look_seconds: float = 0.0
    most: int = 0
    kept: int = 0
    encoded: int = 0
    bytes: int = 0
    write_seconds: float = 0.0


def estimate(plan: Plan, shrinker: Shrinker, progress: Callable[[int, int], None] | None = None) -> Estimate:
    """Try some photos; near-duplicates are not known yet and count in full.

    Args:
        plan: what will be done.
        shrinker: makes photos smaller.
        progress: called with (photos tried, photos to try).
    """
    cutter = Cutter(plan.settings, shrinker)
    sums = _Sums()
    ends = list(accumulate(map(plan.most_patches, plan.jobs)))
    most = ends[-1]
    chosen = sorted({bisect_right(ends, most * (2 * one + 1) // (2 * PHOTOS)) for one in range(PHOTOS)})
    for tried, number in enumerate(chosen):
        if progress is not None:
            progress(tried, len(chosen))
        _try(plan, cutter, plan.jobs[number], sums)
    patches = round(most * sums.kept / sums.most) if sums.most else most
    pixels = sum(job.photo.width * job.photo.height for job in plan.jobs)
    share = patches / max(1, sums.encoded)
    if plan.settings.patch_size is None:  # pictures of any size: by area
        share = pixels / max(1, sums.pixels)
    looks = sums.look_seconds * pixels / max(1, sums.pixels)
    return Estimate(patches, most, round(sums.bytes * share), looks + sums.write_seconds * share)


def _try(plan: Plan, cutter: Cutter, job: Job, sums: _Sums) -> None:
    begun = time.perf_counter()
    look = cutter.look(job)
    if look.outcome == "broken":
        return
    sums.look_seconds += time.perf_counter() - begun
    sums.pixels += job.photo.width * job.photo.height
    sums.most += plan.most_patches(job)
    sums.kept += len(look.places)
    step = max(1, len(look.places) // PATCHES)
    begun = time.perf_counter()
    for number, patch in enumerate(cutter.patches(look)):
        if number % step == 0:
            sums.bytes += len(encoded(patch, plan.settings.form))
            sums.encoded += 1
    sums.write_seconds += time.perf_counter() - begun
