"""Studies on the real Ray, of this machine: runs side by side, killed halfway, cancelled, with files that travel."""

from __future__ import annotations

import json
import socket
import time
from collections.abc import Callable
from pathlib import Path

import pytest
from conftest import Command, kill_next, weights

from srkit.contracts import Job
from srkit.errors import OptionError, UserError
from srkit.studies.folder import read_study
from srkit_ray.cluster import connect
from srkit_ray.launcher import Ray


def until(holds: Callable[[], bool], seconds: float = 90) -> None:
    """Ask again and again, as a study does."""
    end = time.monotonic() + seconds
    while not holds():
        assert time.monotonic() < end, "it did not come to that"
        time.sleep(0.1)


def job(workplace: Path, *arguments: str) -> Job:
    return Job("one", arguments, workplace / "log.txt")


def test_a_cell_whose_worker_is_killed_goes_on_from_its_checkpoint(workplace: Path, srkit: Command) -> None:
    kill_next("worker")
    said = srkit("run", "study.toml", "--out", "study")
    assert said.code == 0, said.err
    study = read_study(workplace / "study")
    assert [cell.state for cell in study.cells] == ["done", "done"]
    lost = next(cell for cell in study.cells if len(cell.attempts) > 1)
    assert [one.state for one in lost.attempts] == ["lost", "done"]
    assert "begins again at its last checkpoint" in said.err
    log = study.log_file(lost).read_text()
    assert "resuming" in log
    # what came of it is what an undisturbed run comes to
    alone = srkit("run", str(study.experiment_file(lost)), "--out", "alone", "--quiet")
    assert alone.code == 0, alone.err
    assert weights(study.run_folder(lost)) == weights(workplace / "alone")
    lines = (study.run_folder(lost) / "metrics.jsonl").read_text().splitlines()
    assert [json.loads(line)["step"] for line in lines] == [4, 8, 12, 16, 20, 24]


def test_files_travel_there_and_back(workplace: Path, srkit: Command, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("srkit_ray.launcher.FETCH_EVERY", 0.2)
    (workplace / "cell").mkdir()
    (workplace / "cell" / "halfway.py").write_bytes((workplace / "halfway.py").read_bytes())
    text = (workplace / "study.toml").read_text().partition("[matrix]")[0]
    experiment = workplace / "cell" / "experiment.toml"
    experiment.write_text(text.replace('"photos"', json.dumps(str(workplace / "photos"))))
    out = workplace / "runs" / "far"
    launcher = Ray(files="copied", environment=["SRKIT_KILLS"])
    (workplace / "cell" / ".env").write_text("SECRET=1")
    kill_next("process")
    first = launcher.submit(job(workplace, "run", str(experiment), "--out", str(out), "--trust"))
    until(lambda: launcher.state(first) not in ("waiting", "running"))
    # a process that was killed; what it had saved is here
    assert launcher.state(first) == "lost"
    assert max(one.name for one in (out / "checkpoints").iterdir()) == "step-00000012"
    second = launcher.submit(job(workplace, "run", str(experiment), "--out", str(out), "--resume", "--trust"))
    until(lambda: launcher.state(second) not in ("waiting", "running"))
    log = (workplace / "log.txt").read_text()
    assert launcher.state(second) == "done", log
    assert log.count("after step 12 of 24") == 1
    assert log.count("step 24/24") == 1
    assert json.loads((out / "scores.json").read_text())["rows"][-1]["model"] == "far"
    # old checkpoints went there, and so they did here
    assert sorted(one.name for one in (out / "checkpoints").iterdir()) == [
        f"step-000000{step}" for step in (16, 20, 24)
    ]
    alone = srkit("run", str(experiment), "--out", "alone", "--quiet")
    assert alone.code == 0, alone.err
    assert weights(out) == weights(workplace / "alone")


def test_one_at_a_time_and_what_waits_can_be_cancelled(workplace: Path) -> None:
    launcher = Ray(jobs=1)
    first, second, third = (launcher.submit(job(workplace, "--version")) for _ in range(3))
    launcher.cancel(second)
    until(lambda: launcher.state(first) == "done")
    until(lambda: launcher.state(third) == "done")
    assert launcher.state(second) == "lost"
    assert (workplace / "log.txt").read_text().count("srkit ") == 2


def test_what_no_machine_has_is_refused(workplace: Path) -> None:
    with pytest.raises(UserError, match="no machine of the Ray cluster has the 1000 cores and 0 GPUs"):
        Ray(cpus=1000).submit(job(workplace, "--version"))


def test_where_nobody_answers_it_is_said_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("ray.is_initialized", lambda: False)
    with socket.create_server(("127.0.0.1", 0)) as server:
        port = server.getsockname()[1]
    with pytest.raises(UserError, match=f"Ray cannot be reached at '127.0.0.1:{port}'"):
        connect(f"127.0.0.1:{port}")


def test_ray_chooses_the_card(workplace: Path) -> None:
    named = Job("one", ("--version",), workplace / "log.txt", device="cuda:1")
    with pytest.raises(UserError, match="Ray chooses the card"):
        Ray().submit(named)


@pytest.mark.parametrize("options", [{"cpus": 0}, {"gpus": -1.0}, {"gpus": 1.5}, {"jobs": 0}])
def test_options_that_make_no_sense_are_refused(options: dict[str, float]) -> None:
    with pytest.raises(OptionError, match=next(iter(options))):
        Ray(**options)
