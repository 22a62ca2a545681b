"""Several processes on one search: shared, killed, interrupted."""

from __future__ import annotations

import json
import threading
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import optuna
import pytest
from conftest import TINY, Command, in_own_process

from srkit.cli.console import messages
from srkit.locks import held, is_held
from srkit.training.folder import LOCK
from srkit_optuna.announcer import Announcer
from srkit_optuna.standing import counts, run_name, standing
from srkit_optuna.study import _storage
from srkit_optuna.trial import _wait_for_others

SILENCE = 8
"""Seconds; in use it is a minute."""

HALFWAY = (
    TINY.replace("steps = 8", "steps = 24")
    + """
[[degradation]]
use = "./halfway.py:Halfway"
"""
)

PARTS = '''
"""A degradation that leaves the picture as it is, and does something in the middle of a training."""
import _thread
import os
import time
from pathlib import Path


class Halfway:
    """Where it is told so by the environment the process hangs; where there is a file `press`, Ctrl-C is pressed."""

    def __init__(self) -> None:
        self.batches = 0

    def __call__(self, batch, draws):
        self.batches += len(draws) == 2  # while training, and not for the photos
        if self.batches == 14:
            time.sleep(600 if "HANG" in os.environ else 0)
            if Path("press").exists():
                Path("press").unlink()
                _thread.interrupt_main()
        return batch
'''


@pytest.fixture
def out(workplace: Path) -> Path:
    """The folder of a search whose runs can be caught halfway."""
    (workplace / "halfway.py").write_text(PARTS, encoding="utf-8")
    (workplace / "halfway.toml").write_text(HALFWAY, encoding="utf-8")
    return workplace / "runs" / "tune-halfway"


def until(holds: Callable[[], bool], seconds: float = 60) -> None:
    """Wait for something that another process does."""
    end = time.monotonic() + seconds
    while not holds():
        assert time.monotonic() < end, "it did not come to that"
        time.sleep(0.05)


def trials(out: Path) -> list[optuna.trial.FrozenTrial]:
    storage = optuna.storages.RDBStorage(f"sqlite:///{out / 'study.db'}")
    return optuna.load_study(study_name=out.name, storage=storage).trials


def when(holds: Callable[[], bool], then: Callable[[], object]) -> threading.Thread:
    """Do something once something holds, while this thread is busy."""

    def watch() -> None:
        until(holds)
        then()

    thread = threading.Thread(target=watch)
    thread.start()
    return thread


def test_two_processes_share_a_search_and_one_is_killed(
    out: Path, srkit: Command, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("srkit_optuna.study.HEARTBEAT", 1)
    monkeypatch.setattr("srkit_optuna.study.SILENCE", SILENCE)
    command = ("tune", "halfway.toml", "--param", "generator.channels=2,3", "--trials", "2")
    first = in_own_process(*command, silence=SILENCE, HANG="1")
    until(lambda: (out / "unchanged" / "checkpoints" / "step-00000012").is_dir())
    killer = when((out / "trial-0001" / "metrics.jsonl").is_file, first.kill)
    said = srkit(*command)
    killer.join()
    first.communicate()
    assert said.code == 0, said.err
    before, _, after = said.err.partition("unchanged: the experiment as it is")
    assert "trial-0001: " in before
    assert "resuming" in after
    assert "unchanged after step 12 of 24" in after
    counted = [one for one in trials(out) if counts(one)]
    assert [standing(one) for one in counted] == ["done"] * 2
    assert sorted(one.params["generator.channels"] for one in counted) == [2, 3]
    # the run that was killed is whole: every step once
    lines = (out / "unchanged" / "metrics.jsonl").read_text().splitlines()
    assert [json.loads(line)["step"] for line in lines] == list(range(4, 25, 4))


def test_ctrl_c_ends_the_search_and_the_same_command_goes_on(workplace: Path, out: Path, srkit: Command) -> None:
    (workplace / "press").touch()
    command = ("tune", "halfway.toml", "--param", "generator.channels=2,3", "--trials", "1")
    said = srkit(*command)
    assert said.code == 130, said.err
    assert "the same command goes on with it" in said.err
    said = srkit(*command)
    assert said.code == 0, said.err
    # at once, and not after a minute of silence
    assert "resuming" in said.err.split("trial-")[0]
    assert "waiting" not in said.err
    assert "unchanged" in [run_name(one) for one in trials(out) if standing(one) == "done"]


def test_a_run_that_another_process_still_trains_is_waited_for(
    tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    path, let_go = tmp_path / LOCK, threading.Event()

    def train() -> None:
        with held(path, "never"):
            let_go.wait(30)

    silent = threading.Thread(target=train)
    silent.start()
    until(lambda: is_held(path))
    waiting = threading.Thread(target=_wait_for_others, args=(tmp_path, "trial-0001", Announcer(messages())))
    waiting.start()
    until(lambda: "trial-0001 is still trained by another process" in capfd.readouterr().err)
    assert waiting.is_alive()
    let_go.set()
    waiting.join(30)
    assert not waiting.is_alive()
    silent.join()


@pytest.mark.filterwarnings("ignore::optuna.exceptions.ExperimentalWarning")
def test_several_may_make_the_tables_at_the_same_moment(workplace: Path) -> None:
    barrier = threading.Barrier(4)

    def open_it(_: int) -> object:
        barrier.wait()
        return _storage(f"sqlite:///{workplace / 'study.db'}")

    with ThreadPoolExecutor(4) as pool:
        assert len(list(pool.map(open_it, range(4)))) == 4
