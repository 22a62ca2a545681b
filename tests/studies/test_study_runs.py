"""A study of 2 x 2 runs in processes of their own: killed, interrupted, failing, gone on with, and told in one table."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from srkit.cli.main import main
from srkit.studies.folder import Study, read_study
from tests.execution.support import assert_same_run, environment, run, write_photos

TEXT = """
scale = 2
steps = 20
precision = "fp32"
[data]
train = "photos"
validate = "held_out"
patch_size = 16
workers = 0
[generator]
use = "espcn"
channels = 2
[[pixel_loss]]
use = "./slow.py:Slow"
[checkpoint]
every = 4
[log]
every = 2
tensorboard = false
[launcher]
use = "local"
jobs = 2
[matrix]
seed = [1, 2]
"data.batch_size" = [2, 3]
"""

SLOW = '''
"""A loss that leaves a test the time to do something, and fails on batches of three, as long as a file is there."""
import time
from pathlib import Path
from torch import nn

HERE = Path({folder!r})


class Slow(nn.Module):
    """The squared error, slowly."""
    def forward(self, views):
        if (HERE / "slow").exists():
            time.sleep(0.1)
        if (HERE / "broken").exists() and len(views.sr) == 3:
            raise RuntimeError("this run is to fail")
        return (views.sr - views.hr).square().mean()
'''


@pytest.fixture
def place(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    write_photos(tmp_path / "photos", 3, (40, 40))
    write_photos(tmp_path / "held_out", 2, (40, 36), first=20)
    (tmp_path / "slow.py").write_text(SLOW.format(folder=str(tmp_path)), encoding="utf-8")
    (tmp_path / "study.toml").write_text(TEXT, encoding="utf-8")
    return tmp_path


def until(condition: Callable[[], object], what: str, seconds: float = 90) -> None:
    end = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < end, what
        time.sleep(0.05)


def states(folder: Path = Path("runs/study")) -> dict[str, str]:
    return {cell.name: cell.state for cell in read_study(folder).cells}


def process_of(study: Study, name: str) -> int:
    """The number of the process that trains a cell."""
    place = str((study.folder / name).resolve()).encode()
    for one in Path("/proc").iterdir():
        if one.name.isdigit():
            try:
                words = (one / "cmdline").read_bytes().split(b"\0")
            except OSError:
                continue
            if place in words and b"srkit.components.launchers.local_worker" in words:
                return int(one.name)
    raise AssertionError(f"nobody trains {name}")


def srkit(*arguments: str, monkeypatch: pytest.MonkeyPatch) -> int:
    monkeypatch.setattr(sys, "argv", ["srkit", *arguments])
    with pytest.raises(SystemExit) as ended:
        main()
    assert isinstance(ended.value.code, int)
    return ended.value.code


@pytest.mark.usefixtures("one_thread")
@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="processes are found in /proc")
def test_killed_interrupted_and_gone_on_with(
    place: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    (place / "slow").touch()
    command = [sys.executable, "-m", "srkit", "run", "study.toml"]
    process = subprocess.Popen(command, env=environment(), stderr=subprocess.PIPE, text=True)
    saved = place / "runs/study/batch-size-2-seed1/checkpoints/step-00000004"
    until(saved.exists, "no checkpoint")
    study = read_study(Path("runs/study"))
    assert states()["batch-size-3-seed2"] == "waiting" and study.launcher == {"use": "local", "jobs": 2, "threads": 1}
    # a worker that is killed is begun again later; the study that is told to end ends the others with their state
    os.kill(process_of(study, "batch-size-2-seed1"), signal.SIGKILL)
    until(lambda: read_study(study.folder).cells[0].state == "waiting", "the loss is not seen")
    until((place / "runs/study/batch-size-3-seed1/checkpoints/step-00000004").exists, "no checkpoint")
    process.send_signal(signal.SIGINT)
    said = process.communicate(timeout=60)[1]
    assert process.returncode == 130, said
    assert "lost at step" in said and "srkit run runs/study --resume" in said and "Traceback" not in said
    ended = {cell.name: (cell.state, cell.message) for cell in read_study(study.folder).cells}
    assert {state for state, _ in ended.values()} <= {"waiting", "interrupted"}, ended
    assert states()["batch-size-3-seed1"] == "interrupted"
    (place / "slow").unlink()
    capfd.readouterr()
    assert srkit("table", "runs/study", monkeypatch=monkeypatch) == 0
    shown = " ".join(capfd.readouterr().out.split())
    assert "no run is finished and judged yet" in shown and "batch-size-3-seed1 (interrupted, step" in shown
    # on it goes, by the folder alone; what fails stops no other
    (place / "study.toml").rename("elsewhere.toml")
    (place / "broken").touch()
    assert srkit("run", "runs/study", "--resume", "--quiet", monkeypatch=monkeypatch) == 1
    told = capfd.readouterr()
    assert {name: state for name, state in states().items() if state != "done"} == {
        "batch-size-3-seed1": "failed", "batch-size-3-seed2": "failed",
    }  # fmt: skip
    assert (
        "error: batch-size-3-seed1: the loss 'Slow' failed after step" in told.err and "this run is to fail" in told.err
    )
    assert "2 of 4 runs failed" in told.err and "batch_size=2" in told.out and "Traceback" not in told.err
    sessions = json.loads((study.folder / "batch-size-2-seed1/manifest.json").read_text())["sessions"]
    assert len(sessions) == 2 and {one["threads"] for one in sessions} == {1}
    # bit for bit what the cell's own file trains without a study, in one go
    run(study.folder / "study/batch-size-2-seed1/experiment.toml", out=place / "alone")
    assert_same_run(place / "alone", study.folder / "batch-size-2-seed1")
