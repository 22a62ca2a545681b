"""Nothing of the folder one stands in runs because a command was started there."""

from __future__ import annotations

import subprocess
import sys
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


def srkit(folder: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "srkit", *arguments]
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
