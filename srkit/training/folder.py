"""A run's folder: found, made, never overwritten; its manifest; the check that a resumed run is the same one."""

from __future__ import annotations

import glob
import json
import platform
import re
import sys
import time
from collections.abc import Mapping
from importlib import metadata
from pathlib import Path
from typing import Any

import msgspec
import torch

import srkit
from srkit.data.placing import file_aside, is_left_over, place_bytes
from srkit.data.sameness import content_key, is_same_data
from srkit.errors import UserError
from srkit.experiment import Plan
from srkit.experiment.remembered import remembered
from srkit.experiment.resolved import CODE_FOLDER, code_copies, differences, shown, write_toml
from srkit.json_files import as_type, read_object
from srkit.links import folder_inside, refuse_links
from srkit.machine.repository import git_commit
from srkit.registry import Registry

EXPERIMENT, MANIFEST, DATA_MEMORY, LOCK = "experiment.toml", "manifest.json", "data.json", ".lock"
RUNS = Path("runs")
WRITTEN_FILES = ("metrics.jsonl", "validation.jsonl", "scores.json", "results.json", DATA_MEMORY)
WRITTEN_FOLDERS = ("checkpoints", "samples", "strips", "events")
"""What a run writes beside what it is known by."""


class _Manifest(msgspec.Struct):
    """The form of what is read again of a manifest; an imported run has less, and whatever else is there stays."""

    data: dict[str, Any] = {}
    facts: dict[str, Any] = {}
    sessions: list[dict[str, Any]] = []
    warnings: list[str] = []


def new_folder(plan: Plan, out: Path | None) -> Path:
    """The folder of a fresh run: `--out`, or `runs/NAME`, numbered where that exists.

    Raises:
        UserError: `--out` holds something already, or cannot be made.
    """
    if out is not None:
        if not is_free(out):
            raise UserError(
                f"{out} is not empty, and a run is never overwritten. "
                + ("Go on with it by --resume, or choose another --out" if is_run(out) else "Choose another --out")
            )
        return _made(out)
    candidate, number = RUNS / plan.name, 1
    while not is_free(candidate):
        number += 1
        candidate = RUNS / f"{plan.name}-{number}"
    return _made(candidate)


def is_free(folder: Path) -> bool:
    """Whether a run may begin there: nothing is in it, or only what an attempt left that never came to its first step.

    `experiment.toml` is written last, so a folder with a manifest and without it was killed on the way.
    """
    if not folder.exists():
        return True
    if not folder.is_dir():
        return False
    names = {one.name for one in folder.iterdir() if not is_left_over(one.name)} - {DATA_MEMORY, LOCK}
    if MANIFEST in names:
        # the last two were written aside by earlier versions
        names -= {MANIFEST, CODE_FOLDER, f".{MANIFEST}.part", f".{EXPERIMENT}.part"}
    return not names


def _made(folder: Path) -> Path:
    try:
        str(folder).encode()
    except UnicodeEncodeError:
        raise UserError(f"{folder}: a run folder's name has to be UTF-8; choose another --out") from None
    try:
        folder.mkdir(parents=True, exist_ok=True)
        refuse_links(folder)
        with file_aside(folder):
            pass  # it can be written
    except OSError as error:
        raise UserError(f"the run folder {folder} cannot be written: {error.strerror}") from None
    return folder


def folder_to_resume(plan: Plan, out: Path | None) -> Path:
    """The run `--resume` means: `--out`, the folder the experiment file lies in, or the newest `runs/NAME`.

    Raises:
        UserError: there is none, or it has links inside.
    """
    folder = _run_to_resume(plan, out)
    refuse_links(folder)
    _require_kinds(folder)
    return folder


def _require_kinds(run: Path) -> None:
    """Refuse a run in which folders and files have changed places, before any step is done.

    Raises:
        UserError: naming the first that has.
    """
    for name in WRITTEN_FILES:
        if (run / name).is_dir():
            raise UserError(f"{run / name} is a folder, and a run writes a file of that name; move it away")
    for name in WRITTEN_FOLDERS:
        if (run / name).exists() and not (run / name).is_dir():
            raise UserError(f"{run / name} is a file, and a run has a folder of that name; move it away")


def _run_to_resume(plan: Plan, out: Path | None) -> Path:
    if out is None and is_run(plan.path.resolve().parent):
        return plan.path.parent
    if out is None:
        pattern = re.compile(rf"{re.escape(plan.name)}(?:-(\d+))?")
        found = [(one, pattern.fullmatch(one.name)) for one in RUNS.glob(f"{glob.escape(plan.name)}*")]
        numbered = sorted((int(match[1] or 1), one) for one, match in found if match and is_run(one))
        if not numbered:
            raise UserError(f"there is no run of {plan.name!r} in {RUNS}/ to resume; name its folder by --out")
        return numbered[-1][1]
    if not is_run(out):
        raise UserError(f"{out} is not a run folder (it has no {EXPERIMENT} and {MANIFEST}); nothing to resume")
    return out


def is_run(folder: Path) -> bool:
    return (folder / EXPERIMENT).is_file() and (folder / MANIFEST).is_file()


def require_same(
    folder: Path, plan: Plan, resolved: dict[str, Any], facts: Mapping[str, Any], registry: Registry
) -> None:
    """Refuse to resume a run with anything but more steps and other logging, on other pictures or with other weights.

    Args:
        facts: what the manifest of a run that began today would hold.
        registry: where the run's own file is looked up again.

    Raises:
        UserError: listing every difference.
    """
    old, manifest = remembered(folder / EXPERIMENT, registry), _manifest(folder)
    lines = [f"  {key}: {shown(before)} -> {shown(after)}" for key, before, after in differences(old, resolved)]
    for file, name in code_copies(plan).items():
        kept = folder / CODE_FOLDER / name
        if not kept.is_file() or kept.read_bytes() != file.read_bytes():
            lines.append(f"  {file} is not what this run began with ({kept})")
    if not lines:
        for role in ("train", "validate"):
            if not is_same_data(manifest["data"], facts["data"], role):
                lines.append(f"  data.{role}: {_how_other(manifest['data'], role)}")
        lines += _other_weights(manifest.get("facts", {}), facts["facts"])
    if lines:
        raise UserError(
            f"{folder} is a run of another experiment; --resume accepts only more steps and changed logging:",
            *lines,
            "Start a new run with another --out, or undo these changes",
        )


def _other_weights(before: Mapping[str, Any], now: Mapping[str, Mapping[str, str]]) -> list[str]:
    """A line for each frozen network (a VGG's file, a teacher) whose weights are others than the run began with."""
    lines = []
    for key, facts in now.items():
        earlier = before.get(key)
        # ImageNet's weights may lie here in another file than there: then the hashes say nothing
        if isinstance(earlier, Mapping) and facts == {**earlier, "sha256": facts.get("sha256")} != earlier:
            hashes = f"{str(earlier.get('sha256'))[:12]} -> {facts['sha256'][:12]}"
            lines.append(f"  {key}: {facts.get('model', facts.get('file'))} holds other weights now ({hashes})")
    return lines


def _how_other(before: Mapping[str, Any], role: str) -> str:
    if before.get(content_key(role)):
        return "images were added, removed, renamed or changed since the run began (their contents were compared)"
    return (
        "images were added, removed or changed since the run began, or only their times were: this run kept no hashes "
        "of them that could tell"
    )


def _manifest(folder: Path) -> dict[str, Any]:
    manifest = read_manifest(folder)
    for key, below in (("data", "train"), ("sessions", None)):
        if key not in manifest or (below is not None and below not in manifest[key]):
            name = key if below is None else f"{key}.{below}"
            raise UserError(f"{folder / MANIFEST} cannot be read: it has no {name}")
    return manifest


def read_manifest(folder: Path) -> dict[str, Any]:
    """What `manifest.json` holds; the parts that are read have the form in which they were written.

    Raises:
        UserError: it cannot be read, or holds something else; names the file and the key.
    """
    path = folder / MANIFEST
    manifest = read_object(path)
    as_type(manifest, _Manifest, path)
    return manifest


def write_experiment(folder: Path, plan: Plan, resolved: dict[str, Any]) -> None:
    """`experiment.toml` and copies of the users' own files it needs."""
    for file, name in code_copies(plan).items():
        target = folder_inside(folder, CODE_FOLDER) / name
        if target.resolve() != file:
            place_bytes(target, file.read_bytes())
    write_text(folder / EXPERIMENT, write_toml(resolved))


def write_manifest(folder: Path, facts: dict[str, Any]) -> list[str]:
    """`manifest.json`: what this run was made with. A resumed run adds a session, the rest is as it was.

    Gives a sentence for each thing in which this session differs from the one before it.
    """
    path = folder / MANIFEST
    session = {
        "started": time.strftime("%Y-%m-%dT%H:%M:%S%z"),
        "command": sys.argv[1:],
        "threads": torch.get_num_threads(),
        "device": facts["device"],
        "processes": facts["processes"],
        "torch": torch.__version__,
        "host": platform.platform(),
    }
    if is_run(folder):
        manifest = _manifest(folder)
    else:
        rest = {key: value for key, value in facts.items() if key not in ("device", "processes")}
        manifest = {"srkit": srkit.__version__, "versions": versions(), "git": git_commit(), **rest, "sessions": []}
    before = manifest["sessions"][-1] if manifest["sessions"] else session
    manifest["sessions"].append(session)
    write_text(path, json.dumps(manifest, indent=1) + "\n")
    return [
        f"{key}: {before[key]} so far, {session[key]} from here on; the run is not bit for bit what it would have been"
        for key in ("threads", "device", "processes", "torch")
        if before.get(key, session[key]) != session[key]
    ]


def record(folder: Path, key: str, value: Any) -> None:
    """Write something that was found out while training into `manifest.json`."""
    manifest = _manifest(folder)
    write_text(folder / MANIFEST, json.dumps(manifest | {key: value}, indent=1) + "\n")


def versions() -> dict[str, str]:
    """Python's and the versions of what computes."""
    names = ("torch", "torchvision", "pillow", "numpy", "safetensors", "scikit-image")
    found = {"python": platform.python_version()}
    for name in names:
        try:
            found[name] = metadata.version(name)
        except metadata.PackageNotFoundError:
            continue
    return found


def write_text(path: Path, text: str) -> None:
    """Write aside, make sure it is on disk, rename into place."""
    place_bytes(path, text.encode())
