"""Watching over a study's runs, with a launcher that does as it is told: lost, failed, interrupted, in use."""

from __future__ import annotations

import os
import signal
import sys
import threading
from collections.abc import Callable
from pathlib import Path

import pytest

from srkit.contracts import Job, JobState
from srkit.errors import UserError
from srkit.locks import held
from srkit.studies import supervision
from srkit.studies.folder import Study, read_study
from srkit.studies.supervision import RESTARTS, supervise
from srkit.training.folder import LOCK
from tests.studies.support import Scripted, begin_run, study_of


@pytest.fixture(autouse=True)
def no_pauses(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(supervision, "POLL", 0.001)


def watched(
    study: Study, launcher: Scripted, show: Callable[[Study], None] = lambda _: None
) -> tuple[Study, dict[str, str], list[str]]:
    """The study at its end, the state of each cell in it, and what was said."""
    said: list[str] = []
    ended = supervise(study, launcher, said.append, show)
    assert read_study(study.folder) == ended
    return ended, {cell.name: cell.state for cell in ended.cells}, said


def test_all_cells_are_handed_over_at_once_and_those_that_are_done_are_kept(tmp_path: Path) -> None:
    launcher = Scripted({"a": [["waiting", "running", "running", "done"]]})
    ended, states, said = watched(study_of(tmp_path / "s", "a", "b", "c", b="failed", c="done"), launcher)
    assert states == {"a": "done", "b": "done", "c": "done"} and not said
    assert [job.name for job in launcher.submitted] == ["a", "b"]
    job = launcher.submitted[0]
    expected = tmp_path / "s" / "study" / "a" / "experiment.toml", tmp_path / "s" / "a"
    assert job.arguments == ("run", str(expected[0]), "--out", str(expected[1])) and job.log.parent.is_dir()
    assert [one.state for one in ended.cells[0].attempts] == ["done"] and not ended.cells[2].attempts


def test_a_lost_cell_begins_again_at_its_checkpoint(tmp_path: Path) -> None:
    study = study_of(tmp_path / "s", "a", "b")
    launcher = Scripted({"a": [["running", "lost"], ["running", "done"]]})
    begin_run(tmp_path / "s" / "a", step=6)
    ended, states, said = watched(study, launcher)
    assert states == {"a": "done", "b": "done"}
    assert [(one.state, one.message) for one in ended.cells[0].attempts] == [
        ("lost", "the process of a was lost at step 6"), ("done", ""),
    ]  # fmt: skip
    assert said == ["warning: the process of a was lost at step 6; it begins again at its last checkpoint"]
    assert [job.arguments[-1] for job in launcher.submitted if job.name == "a"] == ["--resume", "--resume"]


def test_it_begins_again_a_bounded_number_of_times(tmp_path: Path) -> None:
    launcher = Scripted({"a": [["running", "lost"]]})
    ended, states, said = watched(study_of(tmp_path / "s", "a", "b"), launcher)
    assert states == {"a": "failed", "b": "done"}
    assert len([job for job in launcher.submitted if job.name == "a"]) == RESTARTS + 1
    assert f"the {RESTARTS + 1}th time" in ended.cells[0].message and "log.txt" in ended.cells[0].message
    assert said[-1].startswith("warning: a failed")


def test_one_that_fails_says_why_and_stops_no_other(tmp_path: Path) -> None:
    launcher = Scripted(
        {"a": [["running", "failed"]], "b": [["running", "running", "running", "done"]]},
        say={"a": "step 1/10\nerror: the loss term 'mse' is nan\nerror: second\n"},
    )
    study = study_of(tmp_path / "s", "a", "b")
    study.log_file(study.cells[0]).write_text("error: of an earlier session\n", encoding="utf-8")
    ended, states, _ = watched(study, launcher)
    assert states == {"a": "failed", "b": "done"}
    assert ended.cells[0].message == "the loss term 'mse' is nan; second" == ended.cells[0].attempts[0].message


def test_one_that_ends_without_a_word_was_killed(tmp_path: Path) -> None:
    launcher = Scripted({"a": [["running", "failed"], ["done"]]}, say={"a": "step 1/10\n"})
    ended, states, _ = watched(study_of(tmp_path / "s", "a"), launcher)
    assert states == {"a": "done"} and [one.state for one in ended.cells[0].attempts] == ["lost", "done"]


def test_one_that_dies_before_its_first_step_is_not_tried_again(tmp_path: Path) -> None:
    traceback = "Traceback (most recent call last):\n  ...\nModuleNotFoundError: No module named 'weave'\n\n"
    launcher = Scripted({"a": [["running", "failed"], ["done"]]}, say={"a": traceback})
    ended, states, said = watched(study_of(tmp_path / "s", "a", "b"), launcher)
    assert states == {"a": "failed", "b": "done"}
    assert len([job for job in launcher.submitted if job.name == "a"]) == 1
    assert ended.cells[0].message == "ModuleNotFoundError: No module named 'weave'" and "weave" in said[0]


def test_ctrl_c_ends_all_runs_and_those_that_began_can_be_gone_on_with(tmp_path: Path) -> None:
    launcher = Scripted({"a": [["done"]], "b": [["running"]], "c": [["waiting"]]})
    shown: list[Study] = []

    def show(study: Study) -> None:
        shown.append(study)
        if len(shown) == 3:
            os.kill(os.getpid(), signal.SIGINT)

    if sys.platform == "win32":
        pytest.skip("Windows has no SIGINT that os.kill could send")
    before = signal.getsignal(signal.SIGINT)
    ended, states, said = watched(study_of(tmp_path / "s", "a", "b", "c"), launcher, show)
    assert states == {"a": "done", "b": "interrupted", "c": "waiting"}
    assert sorted(launcher.cancelled) == ["b/0", "c/0"] and "Ctrl-C once more" in said[0]
    assert [one.state for one in ended.cells[1].attempts] == ["interrupted"] and not ended.cells[2].attempts
    assert signal.getsignal(signal.SIGINT) is before


def test_what_a_run_says_once_it_is_told_to_end_is_no_failure(tmp_path: Path) -> None:
    """An import that is interrupted comes to whatever it comes to; the run is gone on with."""
    if sys.platform == "win32":
        pytest.skip("Windows has no SIGINT that os.kill could send")

    class Startled(Scripted):
        """Its runs fail where they are told to end."""

        def state(self, job: str) -> JobState:
            return "failed" if job in self.cancelled else super().state(job)

    launcher, looks = Startled({"a": [["running"] * 9]}, say={"a": "error: an import failed\n"}), 0

    def show(_: Study) -> None:
        nonlocal looks
        looks += 1
        if looks == 3:
            os.kill(os.getpid(), signal.SIGINT)

    ended, states, _ = watched(study_of(tmp_path / "s", "a"), launcher, show)
    assert states == {"a": "interrupted"} and not ended.cells[0].message


def test_a_second_ctrl_c_does_not_wait(tmp_path: Path) -> None:
    if sys.platform == "win32":
        pytest.skip("Windows has no SIGINT that os.kill could send")

    class Stubborn(Scripted):
        """Its runs take their time to end."""

        def cancel(self, job: str) -> None:
            self.cancelled.append(job)

    launcher, looks = Stubborn({"a": [["running"]]}), 0

    def show(_: Study) -> None:
        nonlocal looks
        looks += 1
        if looks in (3, 8):
            os.kill(os.getpid(), signal.SIGINT)

    with pytest.raises(KeyboardInterrupt):
        supervise(study_of(tmp_path / "s", "a"), launcher, lambda _: None, show)
    assert launcher.cancelled and read_study(tmp_path / "s").cells[0].state == "interrupted"


def test_what_was_running_when_the_study_was_killed_was_lost(tmp_path: Path) -> None:
    study = study_of(tmp_path / "s", "a", a="running")
    ended, states, _ = watched(study, Scripted({}))
    assert states == {"a": "done"} and len(ended.cells[0].attempts) == 1


def test_a_folder_that_somebody_trains_in_is_waited_for(tmp_path: Path) -> None:
    study = study_of(tmp_path / "s", "a", "b")
    (tmp_path / "s" / "a").mkdir()
    lock = held(tmp_path / "s" / "a" / LOCK, "somebody else trains there")
    lock.__enter__()
    launcher = Scripted({"b": [["running", "running", "done"]]})
    looks = 0

    def show(_: Study) -> None:
        nonlocal looks
        looks += 1
        if looks == 6:
            assert [job.name for job in launcher.submitted] == ["b"]
            lock.__exit__(None, None, None)

    _, states, said = watched(study, launcher, show)
    assert states == {"a": "done", "b": "done"} and len(said) == 1 and "is in use by another process" in said[0]


def test_nobody_else_may_look_after_the_same_study(tmp_path: Path) -> None:
    study = study_of(tmp_path / "s", "a")
    with held(study.lock_file, "held"), pytest.raises(UserError, match="s is looked after by another process"):
        supervise(study, Scripted({}), print, lambda _: None)


class Unreachable(Scripted):
    """A launcher whose second job cannot be submitted."""

    def submit(self, job: Job) -> str:
        if self.submitted:
            raise UserError("the cluster does not answer")
        return super().submit(job)


def test_where_the_launcher_cannot_be_reached_nothing_goes_on_unwatched(tmp_path: Path) -> None:
    launcher = Unreachable({"a": [["running"]]})
    with pytest.raises(UserError, match="does not answer"):
        supervise(study_of(tmp_path / "s", "a", "b"), launcher, print, lambda _: None)
    assert launcher.cancelled == ["a/0"]


def test_study_json_can_be_read_at_every_moment(tmp_path: Path) -> None:
    states: list[JobState] = ["running", *(["lost"] * 1)]
    names = [f"cell-{number}" for number in range(12)]
    study = study_of(tmp_path / "s", *names)
    over = threading.Event()
    seen: list[int] = []

    def read() -> None:
        while not over.is_set():
            seen.append(len(read_study(study.folder).cells))

    reader = threading.Thread(target=read)
    reader.start()
    try:
        watched(study, Scripted({name: [states, states, ["done"]] for name in names}))
    finally:
        over.set()
        reader.join()
    assert set(seen) == {12}
