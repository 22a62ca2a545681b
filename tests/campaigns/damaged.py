"""Damaged run folders by the commands that read runs: each says what is wrong and how to go on, or does without.

    python -m tests.campaigns.damaged [--only WORDS] [--seed N] [--count N] [--all]

Each file of a small run is cut, emptied, removed, changed in a bit, filled with something else or made a folder, and
each command is given a copy of the run. Ends with 1 where a command said "bug", showed a traceback, took longer than
20 seconds, ended with another exit code than 0, 1 for what does not compare, and 2, said nothing, or kept silent
about a newest checkpoint that it could not use.
"""

from __future__ import annotations

import argparse
import itertools
import os
import random
import shutil
import sys
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path

from tests.campaigns.experiments import complaint, said_by
from tests.cli.conftest import photo

EXPERIMENT = """
scale = 2
steps = 4
seed = 3
precision = "fp32"
[data]
train = "photos"
validate = "photos"
patch_size = 16
batch_size = 2
workers = 0
[generator]
use = "espcn"
channels = 4
[[pixel_loss]]
use = "mse"
[ema]
decay = 0.5
[validation]
every = 2
[checkpoint]
every = 2
[log]
every = 1
tensorboard = false
"""

NEWEST, OLDER = "checkpoints/step-00000004", "checkpoints/step-00000002"

FILES = (
    *("experiment.toml", "manifest.json", "metrics.jsonl", "validation.jsonl", "scores.json", "results.json"),
    *("data.json", f"{NEWEST}/state.json", f"{NEWEST}/generator.safetensors", f"{NEWEST}/ema.safetensors"),
    *(f"{NEWEST}/state.safetensors", f"{OLDER}/state.json"),
)

COMMANDS: dict[str, tuple[str, ...]] = {
    "resume": ("run", "{run}", "--resume", "--set", "steps=5", "--device", "cpu"),
    "init": ("run", "x.toml", "--set", "init={run}", "--set", "steps=1", "--device", "cpu", "--out", "{out}/begun"),
    "report": ("report", "{run}", "--out", "{out}/page.html"),
    "curves": ("curves", "{run}", "--out", "{out}/curves.png"),
    "table": ("table", "{run}"),
    "bench": ("bench", "{run}", "bicubic", "--on", "photos", "--device", "cpu"),
    "checkpoints": ("bench", "{run}", "--checkpoints", "--on", "photos", "--device", "cpu"),
    "upscale": ("upscale", "photos/a.png", "--model", "{run}", "--out", "{out}/large", "--device", "cpu"),
    "export": ("export", "{run}", "--out", "{out}/model.safetensors"),
    "onnx": ("export", "{run}", "--format", "onnx", "--out", "{out}/model.onnx"),
    "strip": ("strip", "{run}", "--on", "photos", "--out", "{out}/strips", "--device", "cpu"),
    "animate": ("animate", "bicubic", "{run}", "--on", "photos/a.png", "--out", "{out}/a.webp", "--device", "cpu"),
    "inspect": ("inspect", "{run}"),
    "verify": ("verify", "{run}"),
    "check": ("check", "{run}"),
    "data": ("data", "{run}", "--out", "{out}/sheet.png"),
}

READS_WEIGHTS = (
    "resume",
    "init",
    "bench",
    "upscale",
    "export",
    "onnx",
    "strip",
    "animate",
    "inspect",
    "verify",
    "report",
)
"""Commands that take the newest whole checkpoint, and have to say when that is an older one."""


def half(content: bytes) -> bytes:
    return content[: len(content) // 2]


def flipped(content: bytes) -> bytes:
    place = len(content) * 2 // 3
    return content[:place] + bytes([content[place] ^ 4]) + content[place + 1 :]


DAMAGES: dict[str, Callable[[bytes], bytes] | None] = {
    "removed": None,
    "emptied": lambda _: b"",
    "cut": half,
    "flipped": flipped,
    "a null": lambda _: b"null",
    "a list": lambda _: b"[]",
    "an object": lambda _: b"{}",
    "numbers": lambda _: b'{"step": 1e400, "rows": 3, "files": 4, "versions": 5, "generator": 7, "data": 8}\n',
    "nested": lambda _: b"[" * 400 + b"]" * 400,
    "no text": lambda _: b"\xff\xfe\x00\x81",
    "doubled": lambda content: content + content,
    "zeros": lambda content: bytes(len(content)),
    "a null among lines": lambda content: content[: content.find(b"\n") + 1] + b"null\n" + content,
    "other values": lambda content: (
        content.replace(b": 2", b": true").replace(b"= 2", b'= "2"').replace(b'": "', b'": -')
    ),
}


def cases() -> Iterator[tuple[str, Callable[[Path], None]]]:
    """Every damage, in words and done to a run's folder."""
    for file, (what, change) in itertools.product(FILES, DAMAGES.items()):
        yield f"{file} {what}", lambda run, file=file, change=change: _changed(run / file, change)  # type: ignore[misc]
        if what == "removed":
            yield f"{file} a folder", lambda run, file=file: _folder(run / file)  # type: ignore[misc]
    for name in ("checkpoints", NEWEST, OLDER, "samples", "strips"):
        yield f"{name}/ removed", lambda run, name=name: shutil.rmtree(run / name)  # type: ignore[misc]
        yield f"{name}/ a file", lambda run, name=name: _file(run / name)  # type: ignore[misc]
    yield f"{NEWEST}/ renamed", lambda run: (run / NEWEST).rename(run / "checkpoints/step-00000040") and None
    yield "an empty newer checkpoint", lambda run: (run / "checkpoints/step-00000009").mkdir()


def _content(run: Path) -> dict[Path, bytes | None]:
    return {one: one.read_bytes() if one.is_file() else None for one in run.rglob("*")}


def _changed(file: Path, change: Callable[[bytes], bytes] | None) -> None:
    if change is None:
        file.unlink()
    else:
        file.write_bytes(change(file.read_bytes()))


def _folder(file: Path) -> None:
    file.unlink()
    file.mkdir()


def _file(folder: Path) -> None:
    shutil.rmtree(folder)
    folder.write_bytes(b"x")


def wrong(name: str, damage: str, run: Path, out: Path) -> str | None:
    """What is wrong with how a command takes a damaged run."""
    words = [one.replace("{run}", str(run)).replace("{out}", str(out)) for one in COMMANDS[name]]
    text, code = said_by(words)
    found = complaint(text, code, (0, 1, 2) if name in ("verify", "table") else (0, 2))
    is_newest = (damage.startswith(NEWEST) and not damage.endswith("renamed")) or "newer" in damage
    if found is None and is_newest and name in READS_WEIGHTS and "/ " not in damage:
        newest = "step-00000009" if "newer" in damage else Path(NEWEST).name
        if newest not in text:
            return f"{code}, not a word of {newest}: {text[-300:]}"
        if code != 0 and name != "verify":
            return f"{code}, though an older checkpoint is whole: {text[-300:]}"
    return found


def main() -> int:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--only", default="", help="words that a damage and a command have in them, such as state.json")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--count", type=int, default=150, help="pairs of a damage and a command")
    parser.add_argument("--all", action="store_true", help="every pair")
    asked = parser.parse_args()
    pairs = [(damage, do, name) for damage, do in cases() for name in COMMANDS if asked.only in f"{damage}: {name}"]
    if not asked.all and len(pairs) > asked.count:
        pairs = random.Random(asked.seed).sample(pairs, asked.count)
    failed = tried = 0
    with tempfile.TemporaryDirectory() as folder:
        os.environ |= {"SRKIT_LOAD_PLUGINS": "", "SRKIT_CONFIG": f"{folder}/config", "HOME": folder}
        os.chdir(folder)
        photo(Path("photos/a.png"), (48, 40))
        photo(Path("photos/bb.png"), (40, 48))
        Path("x.toml").write_text(EXPERIMENT, encoding="utf-8")
        text, code = said_by(["run", "x.toml", "--out", "whole", "--device", "cpu"])
        assert code == 0, text
        for number, (damage, do, name) in enumerate(pairs):
            run, out = Path(f"run{number}"), Path(f"out{number}")
            shutil.copytree("whole", run)
            out.mkdir()
            before = _content(run)
            do(run)
            if _content(run) == before:
                continue
            tried += 1
            if (found := wrong(name, damage, run, out)) is not None:
                failed += 1
                print(f"FAIL {damage}: {name}\n     {found}", flush=True)
            shutil.rmtree(run, ignore_errors=True)
            shutil.rmtree(out, ignore_errors=True)
    print(f"{tried} pairs, {failed} with something wrong")
    return int(failed > 0)


if __name__ == "__main__":
    sys.exit(main())
