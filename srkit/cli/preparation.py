"""What a person sees of `srkit prepare`: what there is, what will be made, how far it is, what was made."""

from __future__ import annotations

import shutil
import time
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from pathlib import Path
from types import TracebackType

from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

from srkit.cli.console import duration, messages
from srkit.cli.saying import moving, say
from srkit.preparing.estimate import Estimate
from srkit.preparing.finishing import count
from srkit.preparing.folder import MANIFEST
from srkit.preparing.journal import Decided
from srkit.preparing.photos import cameras, endings
from srkit.preparing.plan import Plan

LISTED = 10
"""How many photos of a kind are named; the manifest has them all."""

PLAIN_EVERY = 10.0
"""Seconds between two lines of progress where there is no terminal."""


def say_what_is_there(plan: Plan) -> None:
    """Photos by type and camera, as `--shrink-first` wants them typed, and what cannot be used."""
    say(f"{len(plan.photos)} pictures: {_counts(endings(plan.photos), 'unknown')}")
    models = cameras(plan.photos)
    if set(models) - {""}:
        say(f"cameras: {_counts(models, 'not said')}")
    if plan.small:
        say(f"{len(plan.small)} too small for a patch")
    if plan.broken:
        say(f"{len(plan.broken)} broken")


def say_what_is_coming(plan: Plan, coming: Estimate, processes: int, out: Path) -> None:
    """Patches, disk and time, before any of it is spent."""
    size = plan.settings.patch_size
    what = "pictures as they are" if size is None else f"patches of {size}x{size}"
    most = f" ({coming.most:,} at most)" if coming.most > coming.patches else ""
    form = "in a packed set" if plan.settings.form == "packed" else f"as {plan.settings.form.upper()}"
    count_of = "process" if processes == 1 else "processes"
    say(
        f"about {coming.patches:,} {what}{most}, {_bytes(coming.bytes)} {form}, "
        f"{duration(coming.seconds / processes)} with {processes} {count_of}"
    )
    if plan.settings.validate:
        photos, share = plan.validating
        say(f"to validate: {_held_out(photos, len(plan.jobs), share, plan.settings.validate)}")
    free = shutil.disk_usage(next(one for one in (out.absolute(), *out.absolute().parents) if one.exists())).free
    if coming.bytes > free:
        say(f"warning: the disk of {out} has {_bytes(free)} free", err=True)


def say_what_was_made(plan: Plan, decided: Sequence[Decided], out: Path) -> None:
    """How many of each, with the photos that were left out."""
    counts = count(plan, list(decided))
    words = {"cut": "used", "near_duplicates": "near-duplicates", "too_small": "too small", "flat_photos": "flat"}
    shown = ["cut", "near_duplicates", "flat_photos", "too_small", "broken"]
    say(f"{counts['photos']} pictures: " + ", ".join(f"{counts[key]} {words.get(key, key)}" for key in shown))
    by_job = {entry.job: entry for entry in decided}
    broken = [f"{photo.name}: {photo.why}" for photo in plan.broken]
    alike, flat = [], []
    for job in plan.jobs:
        entry = by_job[job.number]
        if entry.outcome == "broken":
            broken.append(f"{job.photo.name}: {entry.why}")
        elif entry.outcome == "duplicate":
            alike.append(f"{job.photo.name} looks like {entry.why}")
        elif entry.outcome == "flat":
            flat.append(job.photo.name)
    _say_list("near-duplicate", alike)
    _say_list("flat", flat)
    _say_list("too small", [f"{photo.name}: {photo.width}x{photo.height} pixels" for photo in plan.small])
    # all of them: these are what a user has to mend
    _say_list("broken", broken, len(broken))
    sides = [f"{counts[side]:,} to {side}" for side in plan.sides if side]
    flat_ones = f"; {counts['flat_patches']:,} flat ones dropped" if counts["flat_patches"] else ""
    noun = "pictures" if plan.settings.patch_size is None else "patches"
    say(f"{out}: {counts['patches']:,} {noun}{''.join(f', {one}' for one in sides)}{flat_ones}")
    if plan.settings.validate:
        cut = [plan.jobs[entry.job].side for entry in decided if entry.places]
        share = counts["validate"] / max(1, counts["patches"])
        say(f"validate: {_held_out(cut.count('validate'), len(cut), share, plan.settings.validate, noun)}")


FAR = 0.05
"""How much more or less than what was asked for is worth a reason."""


def _held_out(photos: int, of: int, share: float, asked: float, noun: str = "patches") -> str:
    """Which part of the photos validates, and which of what was cut of them."""
    why = "; photos differ in size, and none is divided" if abs(share - asked) > FAR and noun == "patches" else ""
    return (
        f"{photos} of {of} photos ({photos / max(1, of):.0%}), {share:.0%} of the {noun}; asked for: {asked:.0%}{why}"
    )


def _say_list(what: str, items: Sequence[str], most: int = LISTED) -> None:
    for item in items[:most]:
        say(f"  {what}  {item}")
    if len(items) > most:
        say(f"  {what}  and {len(items) - most} more, see {MANIFEST}")


@contextmanager
def counting(what: str) -> Iterator[Callable[[int, int], None] | None]:
    """A moving line that counts, gone when it is done; None where there is no terminal."""
    screen = messages()
    if not screen.is_terminal:
        yield None
        return
    columns = (TextColumn(what), BarColumn(bar_width=16), MofNCompleteColumn())
    with moving(Progress(*columns, console=screen, transient=True)) as bar:
        task = bar.add_task(what, total=None)
        yield lambda done, total: bar.update(task, completed=done, total=total)


class CuttingDisplay:
    """How far the cutting is: a moving line in a terminal, a line every ten seconds elsewhere.

    Time left goes by the number of patches a photo may give, since photos differ in size.
    """

    def __init__(self, plan: Plan) -> None:
        self._work = [plan.most_patches(job) for job in plan.jobs]
        self._console = messages()
        self._bar: Progress | None = None
        self._shown = ExitStack()
        self._photos = self._done = self._earlier = 0
        self._begun = self._said = 0.0

    @property
    def photos(self) -> str:
        """How many photos are done, such as `12 of 40 pictures`."""
        return f"{self._photos} of {len(self._work)} pictures"

    def begin(self, earlier: Sequence[int]) -> None:
        self._photos = len(earlier)
        self._done = self._earlier = sum(self._work[job] for job in earlier)
        self._begun = self._said = time.monotonic()
        if self._console.is_terminal:
            self._bar = Progress(
                TextColumn("{task.description}"),
                BarColumn(bar_width=16),
                TextColumn("{task.percentage:>3.0f}%"),
                TimeRemainingColumn(compact=True),
                console=self._console,
            )
            self._task = self._bar.add_task(self.photos, total=sum(self._work), completed=self._done)
            self._shown.enter_context(moving(self._bar))

    def done(self, job: int) -> None:
        self._photos += 1
        self._done += self._work[job]
        now = time.monotonic()
        if self._bar is not None:
            self._bar.update(self._task, completed=self._done, description=self.photos)
        elif now - self._said >= PLAIN_EVERY:
            self._said = now
            left = (now - self._begun) / max(1, self._done - self._earlier) * (sum(self._work) - self._done)
            self._console.print(f"{self.photos}  {duration(left)} left", highlight=False, soft_wrap=True)

    def __enter__(self) -> CuttingDisplay:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._shown.close()


def _counts(counter: Counter[str], unnamed: str) -> str:
    # the most frequent first, equal ones by name
    rows = sorted(counter.items(), key=lambda one: (-one[1], one[0]))
    return ", ".join(f"{name or unnamed} ({number})" for name, number in rows) or "none usable"


def _bytes(number: float) -> str:
    number, unit = (number / 1e9, "GB") if number >= 1e9 else (number / 1e6, "MB")
    return f"{number:.2g} {unit}" if number < 10 else f"{number:,.0f} {unit}"
