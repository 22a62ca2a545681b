"""Run folders and studies as a stranger hands them over."""

from __future__ import annotations

import json
import os
import re
import shutil
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

from srkit.registry.own_code import Place
from tests.trust.table.experiment_forms import plant_bytecode
from tests.trust.table.ground import Ground
from tests.trust.table.rows import ANY, Given, Row, kin

__all__ = ["RUN_ROWS", "study_of_runs", "trust"]

LINKED = {"run --resume": (2,), "verify": (0, 1, 2), "*": ANY}
"""What a run with a link inside may end with: it is not resumed; what is read of it may be read."""

TAKES = {"report": ANY, "table": ANY, "curves": ANY, "verify": (0, 1, 2)}
"""Commands that do without code, of a run that is odd in other ways too."""

ODD = {"verify": (0, 1, 2), "*": ANY}
"""What a run that is odd in one file may end with."""

WITHOUT = {"verify": (0, 1), "verify --rescore": (1, 2)}
"""What is told of a run that was changed: that it is not what it was."""

READERS = ("run --resume", "bench", "report", "table", "curves", "verify")
"""What the suite tries of runs that only some commands read anything odd of."""


def trust(ground: Ground, *folders: Path, code: tuple[Path, ...] = ()) -> None:
    """As `srkit trust FOLDER` leaves it, or after a run of this user's wrote its code."""
    digests = {Place(run.resolve(), is_run=True).digest(): str(run) for run in code}
    content = {"folders": [str(one.resolve()) for one in folders], "code": digests}
    (ground.config / "trusted.json").write_text(json.dumps(content), encoding="utf-8")


def _run(ground: Ground, name: str) -> Path:
    """A copy of a trained run, where nothing of this user's lies."""
    folder = ground.here / "theirs"
    shutil.copytree(ground.here / "runs" / name, folder)
    return folder


def _own(name: str, change: Callable[[Ground, Path], object], says: str = "", **codes: tuple[int, ...]) -> Row:
    """A run whose generator is code in it, changed."""

    def make(ground: Ground) -> Given:
        change(ground, run := _run(ground, "own"))
        return Given(str(run.relative_to(ground.here)))

    return Row(name, "run", make, says, WITHOUT | codes)


def _plain(name: str, change: Callable[[Ground, Path], object], says: str = "", **codes: tuple[int, ...]) -> Row:
    """A run of registered components, changed."""

    def make(ground: Ground) -> Given:
        change(ground, run := _run(ground, "plain"))
        return Given(str(run.relative_to(ground.here)))

    return Row(name, "run", make, says, codes, in_suite=READERS)


def _uses(use: str, kind: str = "generator", plant: Callable[[Ground, Path], object] | None = None) -> Row:
    """A run whose experiment names code elsewhere."""

    def change(ground: Ground, run: Path) -> None:
        if plant is not None:
            plant(ground, run)
        named = use.replace("{root}", str(ground.root))
        _rewrite(run / "experiment.toml", kind, named)

    return _own(f"a run whose {kind} is {use}", change, **TAKES)


def _rewrite(file: Path, kind: str, use: str) -> None:
    text = file.read_text(encoding="utf-8")
    changed = re.sub(rf"(\[{kind}\]\nuse = )\"[^\"]*\"", lambda found: found[1] + json.dumps(use), text)
    assert changed != text
    file.write_text(changed, encoding="utf-8")


def _link(name: str, target: str) -> Row:
    def change(ground: Ground, run: Path) -> None:
        path = run / name
        if path.is_dir():
            shutil.rmtree(path)
        path.unlink(missing_ok=True)
        path.symlink_to(ground.precious / target)

    return Row(f"a run whose {name} is a link", "run", _changed("plain", change), codes=LINKED, in_suite=READERS)


def _changed(name: str, change: Callable[[Ground, Path], object]) -> Callable[[Ground], Given]:
    def make(ground: Ground) -> Given:
        change(ground, run := _run(ground, name))
        return Given(str(run.relative_to(ground.here)))

    return make


def _code_links(ground: Ground, run: Path) -> None:
    ground.code(ground.root / "elsewhere" / "net.py")
    shutil.rmtree(run / "code")
    (run / "code").symlink_to(ground.root / "elsewhere")


def _file_links(ground: Ground, run: Path) -> None:
    (run / "code" / "net.py").unlink()
    (run / "code" / "net.py").symlink_to(ground.code(ground.root / "elsewhere" / "net.py"))


def _changed_since(ground: Ground, run: Path) -> None:
    trust(ground, code=(run,))
    with (run / "code" / "net.py").open("a") as file:
        file.write("# more\n")


def _added_since(ground: Ground, run: Path) -> None:
    trust(ground, code=(run,))
    ground.code(run / "code" / "sitecustomize.py")


def _bytecode_since(ground: Ground, run: Path) -> None:
    trust(ground, code=(run,))
    plant_bytecode(ground, run / "code" / "net.py")


def _stored(name: str, value: Any) -> Callable[[Ground, Path], object]:
    """A file of a run that holds something else."""
    text = value if isinstance(value, str) else json.dumps(value)
    return lambda _, run: (run / name).write_text(text, encoding="utf-8")


def _endless(name: str, what: str) -> Row:
    """A run with a pipe that nobody writes into, or a device, in the place of a file."""

    def change(ground: Ground, run: Path) -> None:
        (run / name).unlink()
        if what == "pipe":
            os.mkfifo(run / name)
        else:
            (run / name).symlink_to("/dev/zero")

    row = _plain(f"a run whose {name} is a {what}", change, **ODD)
    return replace(row, seconds=10.0)


def _misnamed(ground: Ground, run: Path) -> None:
    state = next(run.glob("checkpoints/*/state.json"))
    content = state.read_text(encoding="utf-8")
    state.write_text(content.replace("generator.safetensors", "../../../../precious/file"), encoding="utf-8")


def _scores(ground: Ground, run: Path) -> None:
    text = (run / "scores.json").read_text(encoding="utf-8")
    changed = text.replace('"a.png"', '"../../\\u001b[31m<script>\\u202e.png"').replace('"photos"', '"=cmd|x!A1\\n| a"')
    assert changed != text
    (run / "scores.json").write_text(changed, encoding="utf-8")


def study_of_runs(ground: Ground, run: str = "own") -> Path:
    """A study of two trained runs."""
    folder = ground.here / "study"
    cells = []
    for seed in (1, 2):
        shutil.copytree(ground.here / "runs" / run, folder / f"seed{seed}")
        (folder / "study" / f"seed{seed}").mkdir(parents=True)
        shutil.copy(folder / f"seed{seed}" / "experiment.toml", folder / "study" / f"seed{seed}")
        if (folder / f"seed{seed}" / "code").exists():
            shutil.copytree(folder / f"seed{seed}" / "code", folder / "study" / f"seed{seed}" / "code")
        cells.append({"name": f"seed{seed}", "alternative": "tiny", "seed": seed, "state": "done"})
    write_study(folder, cells)
    return folder


def write_study(folder: Path, cells: list[dict[str, Any]], **more: Any) -> None:
    study = {"name": "study", "file": "study.toml", "launcher": {"use": "local"}, "device": "cpu", "cells": cells}
    (folder / "study.json").write_text(json.dumps(study | more), encoding="utf-8")


def _study(name: str, change: Callable[[Ground, Path], object], **codes: tuple[int, ...]) -> Row:
    def make(ground: Ground) -> Given:
        change(ground, folder := study_of_runs(ground))
        return Given(str(folder.relative_to(ground.here)))

    return Row(name, "study", make, codes=codes)


def _waiting(ground: Ground, folder: Path) -> None:
    cells = [{"name": f"seed{seed}", "alternative": "tiny", "seed": seed, "state": "waiting"} for seed in (1, 2)]
    write_study(folder, cells)
    shutil.rmtree(folder / "seed2")


def _cell(name: str) -> Row:
    def change(_: Ground, folder: Path) -> None:
        write_study(folder, [{"name": name, "alternative": "a", "seed": 1, "state": "done"}])

    return _study(f"a study with a run {name!r}", change, run=(2,), table=(2,), report=(2,), **ALONE)


STATE = "checkpoints/step-00000001/state.json"

ALONE = {"curves": (0,), "verify": ANY, "bench": (2,), "check": (2,)}
"""Of a study's single run no more is said than of any other."""

RUN_ROWS = (
    _own("a run with code of its own", lambda ground, run: None, "not trusted"),
    _own("a stranger's run in a trusted folder", lambda ground, run: trust(ground, ground.here), "not trusted"),
    _own("a run whose code changed after it was trusted", _changed_since, "not trusted"),
    _own("a run that a file of code was added to", _added_since, "not trusted"),
    _own("a run whose bytecode was planted", _bytecode_since, **dict.fromkeys(("run", "*"), ANY)),
    _own("a run whose code folder is a link", _code_links, **LINKED),
    _own("a run whose code is a link", _file_links, **LINKED),
    _own("a run without its code", lambda _, run: shutil.rmtree(run / "code"), **TAKES),
    _own("a run with a trusted folder around and a file beside", lambda ground, run: trust(ground, ground.root)),
    _uses("../../evil.py:Net", plant=lambda ground, _: ground.code(ground.root / "evil.py")),
    _uses("../evil.py:Net", plant=lambda ground, _: (ground.code(ground.here / "evil.py"), trust(ground, ground.here))),
    _uses("{root}/evil.py:Net", plant=lambda ground, _: ground.code(ground.root / "evil.py")),
    _uses("./evil.py:Net", plant=lambda ground, run: ground.code(run / "evil.py")),
    _uses("os:system"),
    _uses("srkit.registry.trusted:trust_folder"),
    _uses("evilmod:Net", plant=lambda ground, run: ground.code(ground.here / "evilmod.py")),
    *(
        _link(name, target)
        for name, target in (
            ("metrics.jsonl", "file"),
            ("manifest.json", "file"),
            ("samples", ""),
            ("strips", ""),
            ("checkpoints", ""),
            ("checkpoints/step-00000001/generator.safetensors", "file"),
            ("experiment.toml", "file"),
        )
    ),
    _plain("a checkpoint that names files elsewhere", _misnamed, **ODD),
    _plain("a manifest that is a list", _stored("manifest.json", [1]), **ODD),
    _plain("a manifest nested deep", _stored("manifest.json", "[" * 100_000), **ODD),
    _plain("scores that are text", _stored("scores.json", '{"rows": "no"}'), **ODD),
    _plain("scores with odd names", _scores, **ODD),
    _plain("metrics with odd names", _stored("metrics.jsonl", '{"step": 1, "\x1b[31m": 1e400}\n'), **ODD),
    _plain("results that are a list", _stored("results.json", [1]), **ODD),
    _plain("an experiment of bytes", lambda _, run: (run / "experiment.toml").write_bytes(b"\xff\xfe\x00"), **ODD),
    *kin(
        (
            _endless(name, what)
            for what in ("pipe", "device")
            for name in ("experiment.toml", "manifest.json", "scores.json", "metrics.jsonl", "results.json", STATE)
        ),
        6,
    ),
    _study("a study of runs with code", lambda ground, folder: None),
    _study("a study that goes on with code", _waiting, table=ANY, report=ANY),
    _study("a study in a trusted folder", lambda ground, folder: trust(ground, ground.here)),
    *kin(map(_cell, ("../../precious", "/etc", "a/../../b", "..", "\x1b[31mrun", "nul", "-rf")), 4),
    _study("a study.json nested deep", _stored("study.json", "[" * 100_000), run=(2,), table=ANY, report=ANY, **ALONE),
)
"""What was handed over as a trained run or a study."""
