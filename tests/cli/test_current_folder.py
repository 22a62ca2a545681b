"""Modules and distributions that somebody put into the current folder are neither imported nor listed."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from tests.cli.conftest import TINY, photo

PLANTED = ("rich", "pickle", "torch", "multiprocessing", "typing", "pathlib", "click", "__future__", "collections")
SCRIPT = shutil.which("srkit", path=str(Path(sys.executable).parent))


@pytest.fixture
def trap(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The current folder, with an experiment and with modules that leave a mark where they are imported."""
    folder = tmp_path / "trap"
    folder.mkdir()
    mark = f"open({str(tmp_path / 'ran')!r}, 'a').write(__name__ + chr(10))\n"
    for name in PLANTED:
        (folder / f"{name}.py").write_text(mark)
    (folder / "runpy").mkdir()
    (folder / "runpy" / "__init__.py").write_text(mark)
    (folder / "evilmod.py").write_text(mark + "class Net:\n    '''A net.'''\n")
    info = folder / "evil-1.0.dist-info"
    info.mkdir()
    (info / "METADATA").write_text("Metadata-Version: 2.1\nName: evil\nVersion: 1.0\n")
    entries = "".join(f"[srkit.{kind}]\nevil = evilmod:Net\n" for kind in ("generators", "commands", "plugins"))
    (info / "entry_points.txt").write_text(entries)
    photo(folder / "photos" / "a.png", (40, 40))
    (folder / "tiny.toml").write_text(TINY)
    monkeypatch.chdir(folder)
    return folder


def run(*command: str) -> subprocess.CompletedProcess[str]:
    left_out = ("SRKIT_LOAD_PLUGINS", "PYTHONSAFEPATH", "PYTHONPATH")
    environment = {key: value for key, value in os.environ.items() if key not in left_out}
    return subprocess.run(command, capture_output=True, text=True, env=environment, timeout=280)


def marks(trap: Path) -> list[str]:
    file = trap.parent / "ran"
    return file.read_text().split() if file.exists() else []


@pytest.mark.parametrize("arguments", [("list", "--json"), ("check", "tiny.toml"), ("--help",)])
@pytest.mark.parametrize("how", [("-m", "srkit"), ("-Bmsrkit",)])
def test_python_m_srkit_imports_nothing_of_it(trap: Path, how: tuple[str, ...], arguments: tuple[str, ...]) -> None:
    done = run(sys.executable, *how, *arguments)
    assert done.returncode == 0, done.stderr
    assert "evil" not in done.stdout
    assert not marks(trap)


def test_a_run_with_workers_and_a_study_import_nothing_of_it(trap: Path) -> None:
    text = TINY.replace("[data]", "[data]\nworkers = 2").replace("steps = 1", "steps = 2")
    (trap / "tiny.toml").write_text(text)
    done = run(sys.executable, "-m", "srkit", "run", "tiny.toml", "--quiet", "--out", "alone")
    assert done.returncode == 0, done.stderr
    (trap / "study.toml").write_text(TINY + "[matrix]\nseed = [1, 2]\n")
    done = run(sys.executable, "-m", "srkit", "run", "study.toml", "--jobs", "1", "--out", "study")
    assert done.returncode == 0, done.stderr
    assert not marks(trap)


@pytest.mark.skipif(SCRIPT is None, reason="the command is not installed beside this Python")
@pytest.mark.parametrize(
    "arguments", [("list", "launchers", "--verify"), ("prepare", "photos", "--out", "patches", "--patch-size", "16")]
)
def test_processes_that_the_command_starts_import_nothing_of_it(trap: Path, arguments: tuple[str, ...]) -> None:
    assert SCRIPT is not None
    done = run(SCRIPT, *arguments)
    assert done.returncode == 0, done.stderr
    assert not marks(trap)


SPAWNED = """
import json, sys
from srkit.components.datasets.folder import Folder
from srkit.data.loader import Request, load
from tests.cli.test_current_folder import cut

if __name__ == "__main__":
    requests = [Request(step, 0, (0,), (0,)) for step in range(2)]
    batches = load(Folder("photos"), requests, prepare=cut, seed=1, attempt=0, workers=1, context=sys.argv[1])
    print(json.dumps([list(batch.hr.shape) for batch in batches]))
"""


def cut(sample, draws):
    return sample[:8, :8], None


@pytest.mark.parametrize("context", ["spawn", "forkserver"])
def test_loader_workers_import_nothing_of_it(trap: Path, context: str) -> None:
    if context == "forkserver" and os.name == "nt":
        pytest.skip("Windows has no forkserver")
    script = trap.parent / "script.py"
    root = Path(__file__).parents[2]
    script.write_text(f"import sys\nsys.path[0] = {str(root)!r}\n{SPAWNED}")
    done = run(sys.executable, str(script), context)
    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout) == [[1, 3, 8, 8]] * 2
    assert not marks(trap)


def test_importing_srkit_changes_no_path_of_a_script_or_another_module(trap: Path) -> None:
    (trap / "mine.py").write_text("import sys\nbefore = list(sys.path)\nimport srkit\nprint(before == sys.path)\n")
    (trap / "runpy" / "__init__.py").unlink()
    for name in PLANTED:
        (trap / f"{name}.py").unlink()
    for command in (("mine.py",), ("-m", "mine"), ("-c", "import mine")):
        assert run(sys.executable, *command).stdout == "True\n"
