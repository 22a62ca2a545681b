"""Closing a set: indexes of packed sides, then the manifest, whose presence means that everything is there."""

from __future__ import annotations

import json
from collections import Counter
from hashlib import sha256
from importlib import metadata
from typing import Any

import srkit
from srkit.data.packed import PICTURES, finish_packed, write_header
from srkit.data.placing import placed
from srkit.errors import UserError
from srkit.links import folder_inside
from srkit.preparing.cutting import names_of
from srkit.preparing.folder import MANIFEST
from srkit.preparing.journal import Decided, Journal
from srkit.preparing.plan import Plan
from srkit.preparing.targets import Target


def finish(plan: Plan, journal: Journal, target: Target) -> None:
    """Write what belongs beside the patches; may be called again where an earlier call was killed.

    Raises:
        UserError: a side has no patch.
    """
    counts = count(plan, journal.decided)
    for side in plan.sides:
        if not counts[side or "patches"]:
            raise UserError(_nothing_left(side, counts))
        if target.form == "packed":
            _close_packed(plan, journal, target, side)
    with placed(target.out / MANIFEST) as aside:
        aside.write_text(_manifest(plan, journal, counts), encoding="utf-8")


def count(plan: Plan, decided: list[Decided]) -> dict[str, int]:
    """How many of each: what is found, what is dropped and why, what is made."""
    outcomes = Counter(one.outcome for one in decided)
    counts = {
        "photos": len(plan.photos),
        "cut": outcomes["cut"],
        "broken": len(plan.broken) + outcomes["broken"],
        "too_small": len(plan.small),
        "near_duplicates": outcomes["duplicate"],
        "flat_photos": outcomes["flat"],
        "patches": sum(len(one.places) for one in decided),
        "flat_patches": sum(one.flat for one in decided if one.outcome in ("cut", "flat")),
    }
    for side in filter(None, plan.sides):
        counts[side] = sum(len(one.places) for one in decided if plan.jobs[one.job].side == side)
    return counts


def _nothing_left(side: str, counts: dict[str, int]) -> str:
    where = f"on the side {side!r}" if side else "at all"
    return (
        f"no patch is left {where}: {counts['flat_patches']} were flat, {counts['near_duplicates']} photos looked like "
        f"others, {counts['broken']} were broken. Choose other settings and another --out"
    )


def _close_packed(plan: Plan, journal: Journal, target: Target, side: str) -> None:
    names: list[str] = []
    sizes: list[tuple[int, int]] = []
    checks: list[str] = []
    for entry in journal.decided:
        job = plan.jobs[entry.job]
        if entry.places and job.side == side:
            names += names_of(job.photo.name, entry.places, plan.settings.patch_size is None)
            sizes += [entry.size] * len(entry.places)
            checks += journal.written[entry.job].checks
    folder = folder_inside(target.out, side) if side else target.out
    aside = target.packing(side)
    if aside.exists():  # else a run that was killed here has put it into place
        write_header(aside, sizes)
        aside.replace(folder / PICTURES)
    finish_packed(folder, names, sizes, checks)


def _manifest(plan: Plan, journal: Journal, counts: dict[str, int]) -> str:
    """JSON with a line for each photo. Nothing in it depends on when and how fast it was made."""
    checks = sha256()
    for entry in journal.decided:
        if entry.places:
            checks.update("".join(journal.written[entry.job].checks).encode())
    head = {
        "srkit": srkit.__version__,
        "made_with": {name: metadata.version(name) for name in ("pillow", "numpy", "imagehash")},
        "source": list(plan.source),
        "settings": plan.settings.as_json(),
        "counts": counts,
        "sha256": checks.hexdigest(),
    }
    decided = {plan.jobs[entry.job].photo.name: entry for entry in journal.decided}
    firsts = _first_numbers(plan, journal)
    sides = {job.photo.name: job.side for job in plan.jobs}
    lines = []
    for photo in plan.photos:
        found = decided.get(photo.name)
        facts: dict[str, Any] = {"name": photo.name, "bytes": photo.bytes, "modified": photo.modified}
        if photo.camera:
            facts["camera"] = photo.camera
        if found is None:
            facts |= {"outcome": "broken", "why": photo.why} if photo.why else {"outcome": "too small"}
        else:
            facts |= _facts(found, sides[photo.name], firsts[found.job])
        lines.append("  " + json.dumps(facts))
    return json.dumps(head, indent=1)[:-2] + ',\n "photos": [\n' + ",\n".join(lines) + "\n ]\n}\n"


def _first_numbers(plan: Plan, journal: Journal) -> dict[int, int]:
    """The number of each job's first patch, on its side."""
    firsts: dict[int, int] = {}
    ends: Counter[str] = Counter()
    for entry in journal.decided:
        side = plan.jobs[entry.job].side
        firsts[entry.job] = ends[side]
        ends[side] += len(entry.places)
    return firsts


def _facts(entry: Decided, side: str, first: int) -> dict[str, Any]:
    facts: dict[str, Any] = {"outcome": entry.outcome}
    if entry.sha256:
        facts["sha256"] = entry.sha256
    if entry.why:
        facts["like" if entry.outcome == "duplicate" else "why"] = entry.why
    if entry.places:
        facts |= {"side": side} if side else {}
        facts |= {"first": first, "patches": [list(place) for place in entry.places]}
    return facts
