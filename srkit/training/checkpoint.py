"""Checkpoints: whole or not there at all, safetensors for tensors and JSON for the rest, verified when read."""

from __future__ import annotations

import hashlib
import json
import os
import re
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from safetensors import SafetensorError
from safetensors.torch import load_file
from safetensors.torch import save as to_bytes
from torch import Tensor

from srkit.data.placing import folder_aside, tidy
from srkit.errors import SrkitError, UserError
from srkit.json_files import DAMAGED, parsed
from srkit.links import folder_inside, is_link, open_no_follow, remove_folder
from srkit.plain_files import open_plain, plain_text
from srkit.training.state import pack, unpack

STATE_FILE = "state.json"
TENSORS_FILE = "state.safetensors"
_STEP = r"[0-9]{8}|[1-9][0-9]{8,14}"
_NAME = re.compile(rf"step-({_STEP})|\.step-({_STEP})\.old")
_FILE = re.compile(r"[A-Za-z0-9_-]{1,64}\.safetensors")


class CorruptCheckpoint(UserError):
    """A checkpoint is not whole; the message names the file and what is wrong with it."""


@dataclass
class Saved:
    """What a checkpoint holds.

    Attributes:
        modules: state dicts by role (`generator`, `discriminator`, `ema`, ...).
        state: everything else: numbers, texts, lists and tensors.
        experiment: the fingerprint of what it was trained with; None of one that was written before there was any.
    """

    modules: dict[str, dict[str, Tensor]]
    state: dict[str, Any]
    experiment: dict[str, Any] | None = None


@dataclass(frozen=True)
class Outline:
    """What a checkpoint says of itself, after every file was compared with it.

    Attributes:
        weights: the SHA-256 of each role's weights as they lie there now.
        experiment: as `Saved.experiment`.
    """

    weights: dict[str, str]
    experiment: dict[str, Any] | None


def checkpoint_name(step: int) -> str:
    return f"step-{step:08d}"


def step_of(path: Path) -> int:
    match = _NAME.fullmatch(path.name)
    if match is None:
        raise SrkitError(f"{path} is not named like a checkpoint (step-00000400)")
    return int(match[1] or match[2])


def checkpoints(folder: Path) -> list[Path]:
    """The checkpoints of a run's `checkpoints` folder, oldest first.

    One that was moved aside counts until that which is to take its place is there.
    """
    if not folder.is_dir():
        return []
    found = sorted(one for one in folder.iterdir() if _NAME.fullmatch(one.name))  # those aside, with a dot, come first
    by_step = {step_of(one): one for one in found}
    return [by_step[step] for step in sorted(by_step)]


def save(
    folder: Path,
    step: int,
    modules: Mapping[str, Mapping[str, Tensor]],
    state: Any,
    experiment: Mapping[str, Any] | None = None,
) -> Path:
    """Write a checkpoint aside, make sure it is on disk, and rename it into place.

    One that is there already is moved aside until then, and counts meanwhile: there is a whole one at any moment.

    Args:
        experiment: the fingerprint of what is trained; JSON.

    Raises:
        SrkitError: the disk is full or read-only, or the state holds what cannot be saved; the checkpoints there are
            as they were.
    """
    tensors: dict[str, Tensor] = {}
    packed = pack(state, tensors, "state")
    tables = {f"{role}.safetensors": weights for role, weights in modules.items()} | {TENSORS_FILE: tensors}
    target = folder / checkpoint_name(step)
    old = folder / f".{target.name}.old"
    try:
        folder_inside(folder.parent, folder.name)
        _tidy(folder)
        with folder_aside(folder) as aside:
            _write(aside, step, tables, packed, experiment)
            if target.exists():
                target.replace(old)
            aside.replace(target)
        _sync(folder)
    except OSError as error:
        raise SrkitError(
            f"the checkpoint of step {step} could not be written to {folder}: {error.strerror or error}. "
            "The checkpoints before it are unharmed; make room and go on with --resume"
        ) from error
    with suppress(OSError):  # the next save tries again
        _remove(old)
    return target


def _tidy(folder: Path) -> None:
    """Clear away what a save that was killed left (of earlier versions too), and put back what it moved aside.

    A run's folder is held by the process that trains there: nobody else is writing.
    """
    tidy(folder, after=0)
    for left_over in folder.glob(".step-*.part"):
        _remove(left_over)
    for old in folder.glob(".step-*.old"):
        if _NAME.fullmatch(old.name) is None:
            continue  # none of ours
        place = folder / checkpoint_name(step_of(old))
        if place.exists():
            _remove(old)
        else:
            old.replace(place)


def _remove(folder: Path) -> None:
    if folder.is_dir():
        remove_folder(folder)


def _write(
    aside: Path,
    step: int,
    tables: Mapping[str, Mapping[str, Tensor]],
    state: Any,
    experiment: Mapping[str, Any] | None,
) -> None:
    written: dict[str, dict[str, Any]] = {}
    for name, table in tables.items():
        content = to_bytes({key: value.detach().cpu().contiguous().clone() for key, value in table.items()})
        _write_bytes(aside / name, content)
        written[name] = {"size": len(content), "sha256": hashlib.sha256(content).hexdigest()}
    body = {"step": step, "files": written, "state": state}
    if experiment is not None:
        body["experiment"] = dict(experiment)
    _write_bytes(aside / STATE_FILE, json.dumps({"sha256": _digest(body), **body}, indent=1).encode())
    _sync(aside)


def _write_bytes(path: Path, content: bytes) -> None:
    with open_no_follow(path, "xb") as file:
        file.write(content)
        file.flush()
        os.fsync(file.fileno())


def _digest(body: Mapping[str, Any]) -> str:
    """What tells whether the JSON is as it was written."""
    return hashlib.sha256(json.dumps(body, sort_keys=True).encode()).hexdigest()


def load(path: Path) -> Saved:
    """Read a checkpoint and verify that every file is as it was written.

    Raises:
        CorruptCheckpoint: a file is absent, cut or changed.
        UserError: it was renamed, or is none of srkit's.
    """
    content = _verified(path)
    try:
        tensors = load_file(path / TENSORS_FILE)
        roles = [name for name in content["files"] if name != TENSORS_FILE]
        modules = {name.removesuffix(".safetensors"): load_file(path / name) for name in roles}
        return Saved(modules, unpack(content["state"], tensors), content.get("experiment"))
    except (SafetensorError, *DAMAGED) as error:
        raise CorruptCheckpoint(f"{path} cannot be read: {error}") from error


def outline(path: Path) -> Outline:
    """What a checkpoint says of itself; all that `load` would refuse is refused.

    Raises:
        CorruptCheckpoint: a file is absent, cut or changed.
        UserError: it was renamed, or is none of srkit's.
    """
    content = _verified(path)
    files = {name: one["sha256"] for name, one in content["files"].items() if name != TENSORS_FILE}
    weights = {name.removesuffix(".safetensors"): sha256 for name, sha256 in files.items()}
    return Outline(weights, content.get("experiment"))


def _verified(path: Path) -> dict[str, Any]:
    """What `state.json` holds, after every file was compared with it.

    Raises:
        CorruptCheckpoint: a file is absent, cut or changed.
        UserError: it was renamed, or is none of srkit's.
    """
    content = _read_state(path)
    for name, expected in content["files"].items():
        file = path / name
        if not file.is_file():
            raise CorruptCheckpoint(f"{path} is not whole: {name} is missing")
        if file.stat().st_size != expected["size"]:
            raise CorruptCheckpoint(
                f"{path} is not whole: {name} has {file.stat().st_size} bytes, {expected['size']} were written"
            )
        if _hash(file) != expected["sha256"]:
            raise CorruptCheckpoint(f"{path} is not whole: the content of {name} is not what was written")
    if _NAME.fullmatch(path.name) and step_of(path) != content["step"]:
        as_written = checkpoint_name(content["step"])
        raise UserError(
            f"{path} holds step {content['step']}: it was renamed. Call it {as_written} again, or remove it"
        )
    return content


def _read_state(path: Path) -> dict[str, Any]:
    try:
        content = parsed(plain_text(path / STATE_FILE))
        is_sound = isinstance(content, dict) and content.pop("sha256", None) == _digest(content)
    except OSError as error:
        raise CorruptCheckpoint(f"{path} is not whole: {STATE_FILE}: {error.strerror}") from error
    except (ValueError, RecursionError) as error:
        raise CorruptCheckpoint(f"{path} is not whole: {STATE_FILE} is cut or changed ({error})") from error
    if not is_sound:
        raise CorruptCheckpoint(f"{path} is not whole: the content of {STATE_FILE} is not what was written")
    _require_form(path / STATE_FILE, content)
    return dict(content)


def _require_form(file: Path, content: Mapping[str, Any]) -> None:
    """Refuse what fits its checksum and is still nothing that srkit writes; above all names that lead elsewhere.

    Raises:
        UserError: naming the file and what is wrong.
    """
    files = content.get("files")
    if not isinstance(files, dict) or TENSORS_FILE not in files or not isinstance(content.get("state"), dict):
        raise UserError(f"{file}: not a checkpoint of srkit: it lists no files, or has no state")
    if not isinstance(content.get("step"), int) or not isinstance(content.get("experiment", {}), dict):
        raise UserError(f"{file}: not a checkpoint of srkit: it has no step, or an experiment that is none")
    for name, written in files.items():
        if _FILE.fullmatch(name) is None:
            raise UserError(f"{file}: {name!r} is no name that srkit gives a file of a checkpoint")
        known = isinstance(written, dict) and isinstance(written.get("size"), int)
        if not known or not isinstance(written.get("sha256"), str):
            raise UserError(f"{file}: not a checkpoint of srkit: it does not say size and sha256 of {name}")
        if is_link(file.with_name(name)):
            raise UserError(f"{file.with_name(name)} is a link; a checkpoint holds its files itself")


def newest_whole(folder: Path) -> tuple[Path, Saved, list[str]] | None:
    """The newest checkpoint that is whole, with its content and what was wrong with newer ones; None for none."""
    complaints: list[str] = []
    for path in reversed(checkpoints(folder)):
        try:
            return path, load(path), complaints
        except CorruptCheckpoint as error:
            complaints.append(str(error))
    if complaints:
        way_out = "Bring one back from a copy, or train anew into another --out"
        raise CorruptCheckpoint("no checkpoint can be used:", *complaints, way_out)
    return None


def _hash(path: Path) -> str:
    with open_plain(path) as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def _sync(path: Path) -> None:
    """Wait until a folder's list of names is on disk; on Windows folders cannot be opened."""
    if os.name == "nt":
        return
    handle = os.open(path, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
