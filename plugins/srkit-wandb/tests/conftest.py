"""A folder with photos and a small experiment; runs in this process; what wandb wrote, read back."""

from __future__ import annotations

import json
import os
import struct
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from PIL import Image

from srkit.execution import Outcome, execute
from srkit.experiment import complete, read_experiment, require_sound
from srkit.registry import Registry

TINY = """
scale = 2
steps = 6
precision = "fp32"
[data]
train = "train"
validate = "photos"
patch_size = 16
batch_size = 2
workers = 0
[generator]
use = "espcn"
channels = 2
[[pixel_loss]]
use = "mse"
[validation]
every = 2
[log]
every = 2
tensorboard = false
[checkpoint]
every = 2
"""

Execute = Callable[..., Outcome]


@pytest.fixture(autouse=True)
def workplace(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder to stand in; home and caches lie in it too, and of wandb's settings only that it is offline."""
    for name in (
        "HOME",
        "USERPROFILE",
        "XDG_CACHE_HOME",
        "XDG_CONFIG_HOME",
        "TORCH_HOME",
        "WANDB_CONFIG_DIR",
        "WANDB_CACHE_DIR",
    ):
        monkeypatch.setenv(name, str(tmp_path / "home"))
    for name in [name for name in os.environ if name.startswith(("WANDB_", "SRKIT_")) and not name.endswith("_DIR")]:
        monkeypatch.delenv(name)
    monkeypatch.setenv("SRKIT_LOAD_PLUGINS", "srkit-wandb")
    monkeypatch.setenv("WANDB_MODE", "offline")
    folder = tmp_path / "work"
    for number, name in enumerate(("photos/0.png", "photos/1.png", "train/0.png", "train/1.png")):
        noise = np.random.default_rng(number).integers(0, 255, (24, 32, 3), dtype=np.uint8)
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        Image.fromarray(noise).save(folder / name)
    (folder / "tiny.toml").write_text(TINY, encoding="utf-8")
    monkeypatch.chdir(folder)
    return folder


@pytest.fixture(autouse=True, scope="session")
def one_thread() -> None:
    torch.set_num_threads(1)


@pytest.fixture
def run(workplace: Path) -> Execute:
    """Runs `tiny.toml` as `srkit run` does."""

    def run(out: str, *settings: str, **given: Any) -> Outcome:
        registry = Registry.installed()
        plan = complete(read_experiment(workplace / "tiny.toml", settings), registry)
        require_sound(plan)
        return execute(plan, registry, out=workplace / out, **given)

    return run


class Written:
    """One of the files that wandb writes while it is offline, by wandb's own description of its records."""

    def __init__(self, path: Path) -> None:
        records = read(path)
        until = time.monotonic() + 30
        while all(one.WhichOneof("record_type") != "exit" for one in records):
            # another process writes, and does not hurry when it is told that all is said
            assert time.monotonic() < until, f"{path} has no end"
            time.sleep(0.1)
            records = read(path)
        self.run = next(one.run for one in records if one.WhichOneof("record_type") == "run")
        self.config = {one.key: json.loads(one.value_json) for one in self.run.config.update}
        self.history = [
            {".".join(item.nested_key) or item.key: json.loads(item.value_json) for item in one.history.item}
            for one in records
            if one.WhichOneof("record_type") == "history"
        ]
        self.summary: dict[str, Any] = {}
        for one in records:
            if one.WhichOneof("record_type") == "summary":
                self.summary |= {item.key: json.loads(item.value_json) for item in one.summary.update}
        self.exit_code = next(one.exit.exit_code for one in records if one.WhichOneof("record_type") == "exit")
        self.files = path.parent / "files"


def read(path: Path) -> list[Any]:
    """The records that are in a file by now."""
    from wandb.proto.wandb_internal_pb2 import Record

    records = []
    for data in chunks(path.read_bytes()):
        records.append(Record())
        records[-1].ParseFromString(data)
    return records


def chunks(data: bytes) -> Iterator[bytes]:
    """The records of a file in LevelDB's log format: blocks of 32 KiB, each chunk with checksum, length and type."""
    place, record = 7, b""  # after wandb's own header
    while place + 7 <= len(data):
        left = 32768 - place % 32768
        if left < 7:
            place += left
            continue
        _, length, kind = struct.unpack("<IHB", data[place : place + 7])
        if not kind:
            return
        if place + 7 + length > len(data):
            return  # it is being written
        record += data[place + 7 : place + 7 + length]
        place += 7 + length
        if kind in (1, 4):  # whole, or the last part
            yield record
            record = b""


def written(folder: Path) -> list[Written]:
    """The sessions of a run that wandb wrote, in order."""
    return [
        Written(one)
        for one in sorted(folder.glob("wandb/offline-run-*/*.wandb"), key=lambda one: one.stat().st_mtime_ns)
    ]
