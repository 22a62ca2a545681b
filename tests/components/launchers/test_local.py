"""Local processes: the queue, threads and cards shared out, and the end of those whose study is gone."""

from __future__ import annotations

import subprocess
import sys
import time
from pathlib import Path

import pytest
import torch

from srkit.components.launchers.local import WORKER, Local
from srkit.contracts import Job
from srkit.errors import OptionError


def job(folder: Path, name: str, *arguments: str, device: str | None = None) -> Job:
    return Job(name, arguments, folder / f"{name}.txt", device)


def ended(launcher: Local, name: str) -> str:
    until = time.monotonic() + 60
    while launcher.state(name) in ("waiting", "running"):
        assert time.monotonic() < until
        time.sleep(0.02)
    return launcher.state(name)


def test_as_many_as_wanted_run_and_the_others_wait(tmp_path: Path) -> None:
    launcher = Local(jobs=1)
    first, second, third = (launcher.submit(job(tmp_path, name, "--version")) for name in "abc")
    assert launcher.state(second) == launcher.state(third) == "waiting"
    launcher.cancel(third)
    assert ended(launcher, first) == ended(launcher, second) == "done" and launcher.state(third) == "lost"
    assert (tmp_path / "a.txt").read_text().startswith("srkit ") and not (tmp_path / "c.txt").exists()


def test_what_is_printed_is_appended(tmp_path: Path) -> None:
    launcher = Local()
    (tmp_path / "a.txt").write_text("before\n")
    assert ended(launcher, launcher.submit(job(tmp_path, "a", "rum"))) == "failed"
    text = (tmp_path / "a.txt").read_text()
    assert text.startswith("before\n") and "no command 'rum'" in text


@pytest.mark.parametrize(("jobs", "threads"), [(1, 6), (2, 3), (4, 1), (7, 1)])
def test_threads_are_shared_out_and_said(jobs: int, threads: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(torch, "get_num_threads", lambda: 6)
    launcher = Local(jobs=jobs)
    assert launcher.provenance.resolved == {"threads": threads}
    environment = launcher._environment(Job("a", (), Path("a.txt")), 0)
    assert environment["OMP_NUM_THREADS"] == environment["MKL_NUM_THREADS"] == str(threads)
    assert Local(jobs=jobs, threads=5).provenance.resolved == {"threads": 5}


@pytest.mark.parametrize(
    ("visible", "count", "device", "given"),
    [
        (None, 2, None, ["0", "1", "0"]),
        ("4,7", 2, None, ["4", "7", "4"]),
        (None, 1, None, [None, None, None]),
        (None, 2, "cuda:1", [None, None, None]),
    ],
)
def test_cards_are_taken_in_turns_unless_one_was_named(
    visible: str | None, count: int, device: str | None, given: list[str | None], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("CUDA_VISIBLE_DEVICES", raising=False)
    if visible is not None:
        monkeypatch.setenv("CUDA_VISIBLE_DEVICES", visible)
    monkeypatch.setattr(torch.cuda, "device_count", lambda: count)
    launcher = Local(jobs=3)
    wanted = Job("a", (), Path("a.txt"), device)
    shown = [launcher._environment(wanted, place).get("CUDA_VISIBLE_DEVICES") for place in range(3)]
    assert shown == [one if one is not None else visible for one in given]


@pytest.mark.parametrize(("key", "value"), [("jobs", 0), ("threads", 0)])
def test_what_makes_no_sense_is_refused(key: str, value: int) -> None:
    with pytest.raises(OptionError, match=f"{key}: it must be 1 or more"):
        Local(**{key: value})  # type: ignore[arg-type]


REST = 'scale = 2\nsteps = 1\n[data]\ntrain = "photos"\n[[pixel_loss]]\nuse = "mse"\n'


def test_a_worker_ends_as_by_ctrl_c_when_its_standard_input_does(tmp_path: Path) -> None:
    """Code of one's own that sleeps while it is imported keeps it busy."""
    began = tmp_path / "began"
    (tmp_path / "net.py").write_text(f"import time\nopen({str(began)!r}, 'w').close()\ntime.sleep(60)\n")
    (tmp_path / "x.toml").write_text(REST + '[generator]\nuse = "./net.py:Net"\n', encoding="utf-8")
    command = [sys.executable, "-m", WORKER, "check", str(tmp_path / "x.toml"), "--trust"]
    process = subprocess.Popen(command, stdin=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    assert process.stdin is not None and process.stderr is not None
    try:
        while not began.exists():
            assert process.poll() is None
            time.sleep(0.1)
        process.stdin.close()
        assert process.wait(30) == 130 and "interrupted" in process.stderr.read()
    finally:
        process.kill()
