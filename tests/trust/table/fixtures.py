"""Trained runs to tamper with, a ground for each row, and commands in this process."""

from __future__ import annotations

import shutil
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
import tomli_w

import srkit as package
from srkit.errors import SrkitError
from tests.cli.conftest import Command as Line
from tests.cli.conftest import Said, photo
from tests.trust.table.commands import Command
from tests.trust.table.experiment_places import base
from tests.trust.table.ground import Ground
from tests.trust.table.playing import Runner, play
from tests.trust.table.rows import Row

__all__ = ["Play", "ground", "harmless", "in_process", "train", "trained"]

Play = Callable[[Row], None]
"""Gives a row to all its commands, and fails where anything goes against the contract."""


def train(here: Path, ground: Ground) -> Path:
    """A folder to stand in: `photos`, `tiny.toml`, `own.toml` with code of its own, a run of each."""
    photo(here / "photos" / "a.png")
    (here / "tiny.toml").write_text(tomli_w.dumps(base()), encoding="utf-8")
    own = base() | {"generator": {"use": "./net.py:Net"}}
    (here / "own.toml").write_text(tomli_w.dumps(own), encoding="utf-8")
    ground.code(here / "net.py")
    for name, file in (("plain", "tiny.toml"), ("own", "own.toml")):
        package.run(here / file, out=here / "runs" / name, device="cpu", quiet=True, trust=True)
    shutil.rmtree(here / "net.py", ignore_errors=True)
    return here


@pytest.fixture(scope="session")
def trained(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Such a folder; to be copied, not changed."""
    root = tmp_path_factory.mktemp("trained")
    (root / "ran").mkdir()
    return train(root / "here", Ground(root))


@pytest.fixture
def ground(trained: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Ground]:
    """A ground of a user who trusts nobody; the process stands in it."""
    made = Ground.begin(tmp_path / "ground", trained)
    for name, value in made.environment.items():
        monkeypatch.setenv(name, value)
    monkeypatch.chdir(made.here)
    yield made


@pytest.fixture
def in_process(srkit: Line) -> Runner:
    """Runs commands and calls in this process."""

    def run(command: Command, words: tuple[str, ...]) -> Said:
        return called(words[0]) if command.is_call else srkit(*words)

    return run


@pytest.fixture
def harmless(ground: Ground, in_process: Runner) -> Play:
    """Plays a row in this process."""

    def check(row: Row) -> None:
        found = play(row, ground, in_process)
        if found:
            pytest.fail(f"{row.name}:\n" + "\n".join(found), pytrace=False)

    return check


def called(expression: str) -> Said:
    """A call out of Python as if it were a command."""
    try:
        eval(expression, {"srkit": package})  # the table's own text
    except SrkitError as error:
        return Said(error.exit_code, "", str(error))
    except Exception as error:
        return Said(1, "", f"Traceback (most recent call last): {type(error).__name__}: {error}")
    return Said(0, "", "")
