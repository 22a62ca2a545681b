"""Checkpoints: whole or not there at all, safetensors for tensors and JSON for the rest, verified when read."""

from __future__ import annotations

import hashlib
import json
import os
import re
import shutil
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from safetensors import SafetensorError
from safetensors.torch import load_file
from safetensors.torch import save as to_bytes
from torch import Tensor

from srkit.errors import SrkitError
from srkit.training.state import pack, unpack

STATE_FILE = "state.json"
TENSORS_FILE = "state.safetensors"
_NAME = re.compile(r"step-(\d{8,})|\.step-(\d{8,})\.old")


class CorruptCheckpoint(SrkitError):
    """A checkpoint is not whole; the message names the file and what is wrong with it."""


@dataclass
class Saved:
    """What a checkpoint holds.

    Attributes:
        modules: state dicts by role (`generator`, `discriminator`, `ema`, ...).
        state: everything else: numbers, texts, lists and tensors.
    """

    modules: dict[str, dict[str, Tensor]]
    state: dict[str, Any]


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


def save(folder: Path, step: int, modules: Mapping[str, Mapping[str, Tensor]], state: Any) -> Path:
    """Write a checkpoint aside, make sure it is on disk, and rename it into place.

    One that is there already is moved aside until then, and counts meanwhile: there is a whole one at any moment.

    Raises:
        SrkitError: the disk is full or read-only, or the state holds what cannot be saved; the checkpoints there are
            as they were.
    """
    tensors: dict[str, Tensor] = {}
    packed = pack(state, tensors, "state")
    tables = {f"{role}.safetensors": weights for role, weights in modules.items()} | {TENSORS_FILE: tensors}
    target = folder / checkpoint_name(step)
    aside, old = folder / f".{target.name}.part", folder / f".{target.name}.old"
    try:
        _tidy(folder)
        aside.mkdir(parents=True)
        _write(aside, step, tables, packed)
        if target.exists():
            target.replace(old)
        aside.replace(target)
        _sync(folder)
        shutil.rmtree(old, ignore_errors=True)
    except OSError as error:
        shutil.rmtree(aside, ignore_errors=True)
        raise SrkitError(
            f"the checkpoint of step {step} could not be written to {folder}: {error.strerror or error}. "
            "The checkpoints before it are unharmed; make room and go on with --resume"
        ) from error
    return target


def _tidy(folder: Path) -> None:
    """Clear away what a save that was killed left, and put back what it moved aside for nothing."""
    for left_over in folder.glob(".step-*.part"):
        shutil.rmtree(left_over)
    for old in folder.glob(".step-*.old"):
        place = folder / checkpoint_name(step_of(old))
        if place.exists():
            shutil.rmtree(old)
        else:
            old.replace(place)


def _write(aside: Path, step: int, tables: Mapping[str, Mapping[str, Tensor]], state: Any) -> None:
    written: dict[str, dict[str, Any]] = {}
    for name, table in tables.items():
        content = to_bytes({key: value.detach().cpu().contiguous().clone() for key, value in table.items()})
        _write_bytes(aside / name, content)
        written[name] = {"size": len(content), "sha256": hashlib.sha256(content).hexdigest()}
    body = {"step": step, "files": written, "state": state}
    _write_bytes(aside / STATE_FILE, json.dumps({"sha256": _digest(body), **body}, indent=1).encode())
    _sync(aside)


def _write_bytes(path: Path, content: bytes) -> None:
    with path.open("wb") as file:
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
    try:
        tensors = load_file(path / TENSORS_FILE)
        roles = [name for name in content["files"] if name != TENSORS_FILE]
        modules = {name.removesuffix(".safetensors"): load_file(path / name) for name in roles}
        return Saved(modules, unpack(content["state"], tensors))
    except (SafetensorError, KeyError) as error:
        raise CorruptCheckpoint(f"{path} cannot be read: {error}") from error


def recorded(path: Path) -> dict[str, str]:
    """The SHA-256 of each role's weights as they were written, without reading them; `load` verifies them.

    Raises:
        CorruptCheckpoint: a file is absent or cut.
    """
    content = _read_state(path)
    found = {}
    for name, expected in content["files"].items():
        file = path / name
        if not file.is_file() or file.stat().st_size != expected["size"]:
            raise CorruptCheckpoint(f"{path} is not whole: {name} is missing or cut")
        found[name.removesuffix(".safetensors")] = expected["sha256"]
    return found


def _read_state(path: Path) -> dict[str, Any]:
    try:
        content = json.loads((path / STATE_FILE).read_text(encoding="utf-8"))
    except OSError as error:
        raise CorruptCheckpoint(f"{path} is not whole: {STATE_FILE}: {error.strerror}") from error
    except ValueError as error:
        raise CorruptCheckpoint(f"{path} is not whole: {STATE_FILE} is cut or changed ({error})") from error
    if not isinstance(content, dict) or content.pop("sha256", None) != _digest(content):
        raise CorruptCheckpoint(f"{path} is not whole: the content of {STATE_FILE} is not what was written")
    return content


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
    with path.open("rb") as file:
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
