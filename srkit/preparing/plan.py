"""What will be cut, known from headers alone: jobs in their order, sides, and how many patches at most."""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Sequence
from dataclasses import dataclass, replace
from itertools import compress

from srkit.errors import UserError, nearest
from srkit.preparing.cutting import Job
from srkit.preparing.photos import Photo, cameras, endings
from srkit.preparing.places import count_of_grid
from srkit.preparing.settings import Settings
from srkit.seeds import derived_seed

SIDES = ("train", "validate")

MOST_EXCHANGES = 100
"""Of photos between the two sides; each is the best there is, so that a few do."""


@dataclass(frozen=True)
class Plan:
    """Everything that a run into a folder does.

    Attributes:
        settings: what decides.
        source: the folders and files that were named, absolute.
        photos: all that were found, usable or not, in their order.
        jobs: what is cut, in the same order; where near-duplicates are dropped, large photos before small ones.
        small: photos that no patch fits into.
        broken: photos whose header cannot be read.
    """

    settings: Settings
    source: tuple[str, ...]
    photos: tuple[Photo, ...]
    jobs: tuple[Job, ...]
    small: tuple[Photo, ...]
    broken: tuple[Photo, ...]

    @property
    def sides(self) -> tuple[str, ...]:
        """The folders that patches go to: one without a name, or two."""
        return SIDES if self.settings.validate else ("",)

    def most_patches(self, job: Job) -> int:
        """How many patches a photo gives at most, before flat ones are dropped."""
        return _most_patches(self.settings, job)

    @property
    def validating(self) -> tuple[int, float]:
        """How many photos validate, and the share of all patches that they give, before flat ones are dropped."""
        patches = [self.most_patches(job) for job in self.jobs]
        mine = [job.side == SIDES[1] for job in self.jobs]
        return sum(mine), sum(compress(patches, mine)) / sum(patches)


def _most_patches(settings: Settings, job: Job) -> int:
    if settings.patch_size is None:
        return 1
    width, height = job.size
    return sum(
        count_of_grid(width // shrink, height // shrink, settings.patch_size, settings.overlap)
        for shrink in settings.shrinks
    )


def make_plan(settings: Settings, source: Sequence[str], photos: Sequence[Photo]) -> Plan:
    """Decide what to do with each photo.

    Raises:
        UserError: `shrink_first` names what is not there, nothing can be cut, or too few photos for two sides.
    """
    _require_known(settings, photos)
    usable = [photo for photo in photos if not photo.why]
    broken = [photo for photo in photos if photo.why]
    kept: list[tuple[Photo, int]] = []
    small: list[tuple[Photo, int]] = []
    for photo in usable:
        first = _shrink_first(photo, settings)
        room = min(photo.width, photo.height) // first // settings.shrinks[0]
        (kept if room >= (settings.patch_size or 1) else small).append((photo, first))
    if not kept:
        reasons = [f"{photo.name}: {photo.why}" for photo in broken[:3]]
        if small:
            photo = max((one for one, _ in small), key=lambda one: min(one.width, one.height))
            size = f"{settings.patch_size}x{settings.patch_size}"
            reasons.append(f"{photo.name}: {photo.width}x{photo.height} pixels, no patch of {size} fits")
        raise UserError(f"none of the {len(photos)} pictures can be used (" + "; ".join(reasons) + ")")
    if settings.near_duplicates >= 0:
        # Of photos that look alike the first one is kept: it shall be the original, and not its thumbnail.
        kept.sort(key=lambda one: (-one[0].width * one[0].height, -one[0].bytes, one[0].name))
    jobs = [Job(number, photo, first, "") for number, (photo, first) in enumerate(kept)]
    if settings.validate:
        chosen = _validating(settings, jobs)
        jobs = [replace(job, side=SIDES[job.number in chosen]) for job in jobs]
    return Plan(settings, tuple(source), tuple(photos), tuple(jobs), tuple(photo for photo, _ in small), tuple(broken))


def _shrink_first(photo: Photo, settings: Settings) -> int:
    """What the camera asks for; where it asks for nothing, what the file's ending does."""
    by_camera = {key.casefold(): factor for key, factor in settings.shrink_first.items()}
    return by_camera.get(photo.camera.casefold()) or by_camera.get(photo.ending) or 1


def _require_known(settings: Settings, photos: Sequence[Photo]) -> None:
    models, types = cameras(photos), endings(photos)
    known = {one.casefold() for one in (*models, *types)}
    for key in settings.shrink_first:
        if key.casefold() in known:
            continue
        names = sorted(types) if key.startswith(".") else sorted(filter(None, models))
        what = "file ends with" if key.startswith(".") else "photo is by the camera"
        there = f"There are: {', '.join(names)}." if names else "No photo names its camera."
        hint = " ".join(filter(None, [nearest(key, names), there]))
        raise UserError(f"--shrink-first {key}={settings.shrink_first[key]}: no {what} {key!r}. {hint}")


def _validating(settings: Settings, jobs: Sequence[Job]) -> set[int]:
    """The numbers of the photos that validate: the share asked for, drawn by their names.

    All patches of a photo go to one side, and photos differ in size. So a photo drawn is exchanged for one left as long
    as that brings the share of the patches nearer to what was asked.
    """
    held_out = max(1, round(settings.validate * len(jobs)))
    if held_out >= len(jobs):
        raise UserError(
            f"--validate {settings.validate}: of {len(jobs)} usable photos that leaves none to train on; "
            "a photo is never divided between the two sides"
        )
    patches = [_most_patches(settings, job) for job in jobs]
    order = sorted(range(len(jobs)), key=lambda one: derived_seed(settings.seed, "side", jobs[one].photo.name))
    chosen, left = order[:held_out], order[held_out:]
    over = sum(patches[one] for one in chosen) - settings.validate * sum(patches)
    for _ in range(MOST_EXCHANGES):
        swap = _best_exchange([patches[one] for one in chosen], [patches[one] for one in left], over)
        if swap is None:
            break
        out, into = swap
        over -= patches[chosen[out]] - patches[left[into]]
        chosen[out], left[into] = left[into], chosen[out]
    return set(chosen)


def _best_exchange(chosen: Sequence[int], left: Sequence[int], over: float) -> tuple[int, int] | None:
    """The places of one drawn and one left whose exchange brings `over` nearest to 0; None where none brings it nearer.

    Args:
        chosen: patches of each photo drawn, `left` of each other one, in the order in which they were drawn.
        over: patches too many.
    """
    ordered = sorted(range(len(left)), key=lambda one: left[one])
    sizes = [left[one] for one in ordered]
    best, nearest_to = None, abs(over)
    for out, mine in enumerate(chosen):
        place = bisect_left(sizes, mine - over)
        for into in (place - 1, place):
            if 0 <= into < len(sizes) and abs(over - mine + sizes[into]) < nearest_to - 1e-9:
                best, nearest_to = (out, ordered[into]), abs(over - mine + sizes[into])
    return best
