"""Nothing of the folder one stands in runs because a command was started there."""

from __future__ import annotations

import subprocess
import sys
import sysconfig
from collections.abc import Sequence
from pathlib import Path

import pytest

from tests.execution.support import PLAIN, environment, prepared

PLANTED = (
    *("__future__", "typing", "pathlib", "collections", "enum", "random", "pickle", "multiprocessing", "socket"),
    *("click", "rich", "pluggy", "msgspec", "tomli", "numpy", "torch", "PIL", "tensorboard", "evilmod"),
)
"""Modules that lie there, of Python's own, of what srkit needs, and of nobody's."""

ENTRY_POINTS = """
[srkit.generators]
evil = evilmod:Net
[srkit.plugins]
evil = evilmod
[srkit.commands]
evil = evilmod:command
"""


SCRIPT = Path(sysconfig.get_path("scripts")) / "srkit"


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A folder with an experiment, modules that tell when they are run, and a distribution of its own."""
    folder = tmp_path / "here"
    folder.mkdir()
    prepared(folder, PLAIN.replace("workers = 0", "workers = 1"))
    for name in PLANTED:
        marker = tmp_path / f"ran-{name}"
        (folder / f"{name}.py").write_text(f"open({str(marker)!r}, 'w').close()\nraise SystemExit('it ran')\n")
    info = folder / "evil-1.0.dist-info"
    info.mkdir()
    (info / "METADATA").write_text("Metadata-Version: 2.1\nName: evil\nVersion: 1.0\n")
    (info / "entry_points.txt").write_text(ENTRY_POINTS)
    (info / "RECORD").write_text("evilmod.py,,\n")
    return folder


def not_yet_imported(folder: Path) -> set[str]:
    """What is planted less what Python itself imports for `-m`, before it reads a word of any package's."""
    (folder / "bare.py").write_text("import sys\nprint(*sys.modules)\n")
    bare = [sys.executable, "-m", "bare"]
    done = subprocess.run(bare, cwd=folder, env=environment(), capture_output=True, text=True, check=True)
    return set(PLANTED) - set(done.stdout.split())


def srkit(folder: Path, *arguments: str, start: Sequence[str] = (str(SCRIPT),)) -> subprocess.CompletedProcess[str]:
    command = [*start, *arguments]
    # any plugin may be loaded, so that what lies here would be
    given = {key: value for key, value in environment().items() if key != "SRKIT_LOAD_PLUGINS"}
    return subprocess.run(command, cwd=folder, env=given, capture_output=True, text=True, timeout=120)


@pytest.mark.parametrize(
    ("arguments", "code"),
    [
        (("list", "--json"), 0),
        (("--help",), 0),
        (("check", "tiny.toml"), 0),
        (("check", "tiny.toml", "--set", "generator.use=evilmod:Net"), 2),
        (("check", "tiny.toml", "--set", "generator.use=evil:evil"), 2),
        (("run", "tiny.toml", "--out", "out", "--device", "cpu"), 0),
        (("run", "tiny.toml", "--out", "study", "--set", "matrix.seed=[1]", "--device", "cpu"), 0),
        (("prepare", "photos", "--out", "patches", "--patch-size", "16", "--workers", "1"), 0),
    ],
    ids=lambda one: "-".join(one[:1] + one[-1:]) if isinstance(one, tuple) else "",
)
def test_what_lies_in_the_current_folder_does_not_run(
    arguments: tuple[str, ...], code: int, folder: Path, tmp_path: Path
) -> None:
    done = srkit(folder, *arguments)
    assert (done.returncode, "Traceback" in done.stderr) == (code, False), done.stderr
    assert not list(tmp_path.glob("ran-*"))
    assert code or "evil" not in done.stdout


@pytest.mark.parametrize("arguments", [("list", "--json"), ("check", "tiny.toml")], ids=["list", "check"])
def test_as_a_module_nothing_of_ours_comes_from_there(arguments: tuple[str, ...], folder: Path, tmp_path: Path) -> None:
    clean = tmp_path / "clean"
    clean.mkdir()
    rest = not_yet_imported(clean)
    assert {"click", "torch", "pathlib", "multiprocessing"} & rest
    for name in set(PLANTED) - rest:
        (folder / f"{name}.py").unlink()
    done = srkit(folder, *arguments, start=[sys.executable, "-m", "srkit"])
    assert (done.returncode, "Traceback" in done.stderr) == (0, False), done.stderr
    assert not list(tmp_path.glob("ran-*"))
