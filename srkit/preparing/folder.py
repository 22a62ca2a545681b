"""The folder of the results: free, begun with the same settings and photos, finished, or somebody else's."""

from __future__ import annotations

import json
from collections.abc import Sequence
from contextlib import suppress
from enum import Enum
from pathlib import Path
from typing import Any

import msgspec

from srkit.data.placing import placed
from srkit.errors import UserError
from srkit.json_files import as_type, read_object
from srkit.links import remove_folder
from srkit.preparing.plan import SIDES, Plan
from srkit.preparing.targets import WORK

MANIFEST, PLAN = "manifest.json", "plan.json"

SOURCE_KEYS = ("name", "bytes", "modified")
"""What the manifest says of every photo and what tells whether it is still the same one."""


class _Photo(msgspec.Struct):
    name: str
    bytes: int
    modified: int


class _Known(msgspec.Struct):
    """The form of what is read of either file."""

    settings: dict[str, Any]
    photos: list[_Photo]


class State(Enum):
    """What a run with a certain plan finds in the folder."""

    FREE = "nothing is there"
    BEGUN = "a run with the same plan has not ended"
    FINISHED = "a run with the same plan has"


def state_of(out: Path, plan: Plan) -> State:
    """Look without changing anything.

    Raises:
        UserError: something else is there: another set, one of other settings or photos, or a user's own files.
    """
    if not out.exists():
        return State.FREE
    if not out.is_dir():
        raise UserError(f"--out {out}: this is a file, not a folder")
    for file, state in ((out / MANIFEST, State.FINISHED), (out / WORK / PLAN, State.BEGUN)):
        if file.exists():
            _require_same(out, _read(file), plan, state)
            return state
    if any(one.name != WORK for one in out.iterdir()):
        raise UserError(f"--out {out}: not empty, and not made by `srkit prepare`; choose another folder")
    return State.FREE


def begin(out: Path, plan: Plan) -> None:
    """Note in the folder what will be done there."""
    photos = [dict(zip(SOURCE_KEYS, one, strict=True)) for one in _sources(plan)]
    whole = {"settings": plan.settings.as_json(), "photos": photos, "validate": _validating(plan)}
    with placed(out / WORK / PLAN) as aside:
        aside.write_text(json.dumps(whole), encoding="utf-8")


def clean(out: Path) -> None:
    """Remove what was kept for going on."""
    with suppress(OSError):
        remove_folder(out / WORK)


def _validating(plan: Plan) -> list[str]:
    return [job.photo.name for job in plan.jobs if job.side == SIDES[1]]


def _sources(plan: Plan) -> list[tuple[str, int, int]]:
    return [(photo.name, photo.bytes, photo.modified) for photo in plan.photos]


def _read(file: Path) -> dict[str, Any]:
    try:
        content = read_object(file)
        as_type(content, _Known, file)
    except UserError as error:
        raise UserError(f"{error}; choose another --out") from None
    return content


def _require_same(out: Path, there: dict[str, Any], plan: Plan, state: State) -> None:
    settings = plan.settings.as_json()
    lines = [
        f"  {key}: {json.dumps(there['settings'].get(key))} there, {json.dumps(value)} now"
        for key, value in settings.items()
        if there["settings"].get(key) != value
    ]
    lines += _changes([tuple(one.get(key) for key in SOURCE_KEYS) for one in there["photos"]], _sources(plan))
    if not lines and state is State.BEGUN and plan.settings.validate and there.get("validate") != _validating(plan):
        lines.append("  photos that validate: an earlier srkit drew others")
    if not lines:
        return
    what = "was prepared" if state is State.FINISHED else "was begun"
    way_out = "Choose another --out" + ("" if state is State.FINISHED else ", or go on with what was begun")
    raise UserError(f"{out} {what} with other settings or photos:", *lines, way_out)


def _changes(before: Sequence[tuple[Any, ...]], now: Sequence[tuple[Any, ...]]) -> list[str]:
    old, new = {one[0]: one for one in before}, {one[0]: one for one in now}
    groups = {
        "new": sorted(new.keys() - old.keys()),
        "gone": sorted(old.keys() - new.keys()),
        "changed": sorted(name for name in old.keys() & new.keys() if old[name] != new[name]),
    }
    return [
        f"  photos {what}: {', '.join(names[:3])}" + (f" and {len(names) - 3} more" if len(names) > 3 else "")
        for what, names in groups.items()
        if names
    ]
