"""Ctrl-C, Ctrl-C again, and a termination, as a terminal and a system send them to the command."""

import os
import re
import shlex
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from srkit.training.run import INTERRUPTED
from tests.execution.support import (
    PLAIN,
    assert_same_run,
    command,
    environment,
    last,
    prepared,
    run,
    steps_kept,
)

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="process groups and their signals are POSIX's")

SLOW = '''
import time
from torch import nn
class Slow(nn.Module):
    """The difference, after a while."""
    def __init__(self, seconds: float = 0.1) -> None:
        super().__init__()
        self.seconds = seconds
    def forward(self, sr, hr):
        time.sleep(self.seconds)
        return (sr - hr).abs().mean()
'''
TEXT = PLAIN.replace("every = 2", "every = 1").replace("steps = 6", "steps = 40").replace('"mse"', '"./slow.py:Slow"')


def started(path: Path, *arguments: str) -> subprocess.Popen[str]:
    """The command in a process group of its own, after its first step."""
    process = subprocess.Popen(
        [sys.executable, "-m", "srkit", "run", path.name, "--out", "out", "--device", "cpu", *arguments],
        cwd=path.parent,
        env=environment(),
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        start_new_session=True,
    )
    metrics = path.parent / "out/metrics.jsonl"
    waited = time.monotonic() + 60
    while not (metrics.exists() and metrics.read_text()):
        assert process.poll() is None, process.communicate()
        assert time.monotonic() < waited
        time.sleep(0.02)
    return process


@pytest.fixture
def path(tmp_path: Path) -> Path:
    (tmp_path / "slow.py").write_text(SLOW)
    return prepared(tmp_path, TEXT)


def test_ctrl_c_saves_and_says_how_to_go_on_and_that_works(path: Path) -> None:
    process = started(path, "--set", "data.workers=2")
    os.killpg(process.pid, signal.SIGINT)
    _, errors = process.communicate(timeout=30)
    assert process.returncode == 130, errors
    assert "Traceback" not in errors
    step = int(re.search(r"interrupted after step (\d+) of 40", errors)[1])
    assert steps_kept(path.parent / "out")[-1] == step
    line = next(one for one in errors.splitlines() if "--resume" in one)
    words = shlex.split(line)
    done = command(*words[1:], cwd=path.parent)
    assert words[0] == "srkit" and done.returncode == 0, done.stderr
    run(path, "pixel_loss.Slow.seconds=0", out=path.parent / "whole")
    # the option that makes it slow is a difference between the files, not between the runs
    assert_same_run(path.parent / "whole", path.parent / "out")


def test_a_termination_of_all_processes_ends_the_run_as_ctrl_c_does(path: Path) -> None:
    process = started(path, "--set", "data.workers=2")
    os.killpg(process.pid, signal.SIGTERM)
    _, errors = process.communicate(timeout=30)
    assert process.returncode == 130 and "--resume" in errors, errors


@pytest.mark.skipif(not hasattr(signal, "SIGHUP"), reason="POSIX's")
def test_a_terminal_that_closes_ends_the_run_as_ctrl_c_does(path: Path) -> None:
    before = signal.signal(signal.SIGHUP, signal.SIG_DFL)  # the tests themselves may be under nohup
    try:
        process = started(path, "--set", "data.workers=2")
    finally:
        signal.signal(signal.SIGHUP, before)
    os.killpg(process.pid, signal.SIGHUP)
    _, errors = process.communicate(timeout=30)
    assert process.returncode == 130 and "--resume" in errors, errors
    step = int(re.search(r"interrupted after step (\d+) of 40", errors)[1])
    assert steps_kept(path.parent / "out")[-1] == step


@pytest.mark.skipif(not hasattr(signal, "SIGHUP"), reason="POSIX's")
def test_under_nohup_a_terminal_that_closes_ends_nothing(path: Path) -> None:
    before = signal.signal(signal.SIGHUP, signal.SIG_IGN)
    try:
        process = started(path, "--set", "steps=12", "--set", "data.workers=2")
    finally:
        signal.signal(signal.SIGHUP, before)
    os.killpg(process.pid, signal.SIGHUP)
    _, errors = process.communicate(timeout=30)
    assert process.returncode == 0, errors
    assert steps_kept(path.parent / "out")[-1] == 12


@pytest.mark.parametrize("further", [signal.SIGINT, signal.SIGTERM])
def test_a_signal_soon_after_the_first_leaves_the_saving_alone(further: signal.Signals, path: Path) -> None:
    (path.parent / "slow.py").write_text(SLOW.replace("0.1", "1.0"))
    process = started(path)
    for number in (signal.SIGINT, further, further):
        os.killpg(process.pid, number)
        time.sleep(0.1)
    _, errors = process.communicate(timeout=30)
    assert process.returncode == 130, errors
    step = int(re.search(r"interrupted after step (\d+) of 40", errors)[1])
    assert steps_kept(path.parent / "out")[-1] == step


def test_terminations_that_keep_coming_change_no_exit_code(path: Path) -> None:
    process = started(path)
    os.killpg(process.pid, signal.SIGINT)
    waited = time.monotonic() + 30
    while process.poll() is None and time.monotonic() < waited:
        os.killpg(process.pid, signal.SIGTERM)
        time.sleep(0.005)
    _, errors = process.communicate(timeout=1)
    assert process.returncode == 130 and "--resume" in errors, errors


def test_the_second_ctrl_c_does_not_wait(tmp_path: Path) -> None:
    (tmp_path / "slow.py").write_text(
        SLOW.replace("time.sleep(self.seconds)", "time.sleep(self.first())")
        + '''
    def first(self):
        """Seconds: none in the first step, many later."""
        self.calls = getattr(self, "calls", 0) + 1
        return 0 if self.calls == 1 else 60
'''
    )
    path = prepared(tmp_path, TEXT)
    process = started(path)
    time.sleep(0.3)
    os.killpg(process.pid, signal.SIGINT)
    time.sleep(3.3)  # what comes sooner may be of the same Ctrl-C
    assert process.poll() is None
    os.killpg(process.pid, signal.SIGINT)
    _, errors = process.communicate(timeout=10)
    assert process.returncode == 130 and "Traceback" not in errors, errors


def test_an_interrupt_while_the_photos_are_judged_keeps_the_finished_training(
    path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from srkit import execution

    class Interrupting(execution.StripWriter):
        def __call__(self, *arguments: object) -> None:
            raise KeyboardInterrupt

    monkeypatch.setattr(execution, "StripWriter", Interrupting)
    out = path.parent / "out"
    outcome = run(path, "steps=2", "pixel_loss.Slow.seconds=0", out=out)
    assert outcome.interrupted and outcome.run.stop_reason == INTERRUPTED and not outcome.rows
    assert last(out).state["step"] == 2
    monkeypatch.undo()
    assert run(path, "steps=2", "pixel_loss.Slow.seconds=0", out=out, resume=True).rows
