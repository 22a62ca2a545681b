"""`results.json`: the same bytes whatever happened on the way and wherever the run lies, and never of another run."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import pytest

from srkit.errors import UserError
from srkit.hooks import hookimpl
from srkit.training.results import read_results, short_hash
from tests.execution.support import PLAIN, KillAt, changed, forked, prepared, run

SHORT = changed(PLAIN, steps="4") + '[[degradation]]\nuse = "jpeg"\n[ema]\ndecay = 0.5\n'
SHORT = SHORT.replace("[checkpoint]\nevery = 3", "[checkpoint]\nevery = 1")


def test_a_run_that_was_killed_and_one_in_another_place_come_to_the_same_bytes(
    tmp_path: Path, one_thread: None
) -> None:
    path = prepared(tmp_path / "here", SHORT)
    run(path, out=tmp_path / "whole")
    kill = {"kill": KillAt("step_end", 3)}
    assert forked(lambda: run(path, out=tmp_path / "killed", observers=kill)) == -9
    assert not (tmp_path / "killed" / "results.json").exists()
    run(path, out=tmp_path / "killed", resume=True)
    run(prepared(tmp_path / "elsewhere", SHORT, name="other.toml"), out=tmp_path / "deep" / "er" / "run")
    whole = (tmp_path / "whole" / "results.json").read_bytes()
    assert (tmp_path / "killed" / "results.json").read_bytes() == whole
    assert (tmp_path / "deep" / "er" / "run" / "results.json").read_bytes() == whole
    results = read_results(tmp_path / "whole")
    assert results.step == 4 and set(results.weights) == {"generator", "ema"} and results.scores is not None
    assert set(results.data) == {"train", "validate"} and "00.png" in results.data["train"]
    assert len(short_hash(tmp_path / "whole")) == 12
    assert str(tmp_path) not in whole.decode()


def test_a_run_that_is_made_longer_has_no_results_until_its_new_end(tmp_path: Path) -> None:
    path = prepared(tmp_path, changed(PLAIN, steps="2"))
    run(path, out=tmp_path / "run")
    first = read_results(tmp_path / "run")

    class Stop:
        @hookimpl
        def srkit_step_end(self, run: object, step: int) -> None:
            assert not (tmp_path / "run" / "results.json").exists()
            run.request_stop("interrupted")  # type: ignore[attr-defined]  # a run

    longer = ("steps=4",)
    assert run(path, *longer, out=tmp_path / "run", resume=True, observers={"stop": Stop()}).interrupted
    with pytest.raises(UserError, match=r"has no results\.json"):
        read_results(tmp_path / "run")
    run(path, *longer, out=tmp_path / "run", resume=True)
    second = read_results(tmp_path / "run")
    assert (first.step, second.step) == (2, 4)
    assert first.experiment == second.experiment and first.data == second.data and first.weights != second.weights


def test_an_image_that_changes_while_the_run_goes_on_is_said(tmp_path: Path) -> None:
    path = prepared(tmp_path, changed(PLAIN, steps="1"))
    run(path, out=tmp_path / "before")

    class Spoil:
        @hookimpl
        def srkit_step_end(self, step: int) -> None:
            with (tmp_path / "photos" / "03.png").open("ab") as file:
                file.write(b"x")

    said: list[str] = []
    run(path, out=tmp_path / "run", observers={"spoil": Spoil()}, notices=said)
    assert any(one.startswith("warning: changed while the run went on: train: 03.png") for one in said)
    before, after = read_results(tmp_path / "before"), read_results(tmp_path / "run")
    assert after.changed == ["train: 03.png"] and not before.changed
    assert after.data == before.data  # what was read first


def test_a_run_that_nothing_judges_has_results_without_scores(tmp_path: Path) -> None:
    text = changed(PLAIN, steps="1").replace('validate = "held_out"\n', "")
    run(prepared(tmp_path, text), out=tmp_path / "run")
    results = read_results(tmp_path / "run")
    assert results.scores is None and set(results.data) == {"train"}


def test_files_are_hashed_while_they_are_decoded_and_remembered(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = prepared(tmp_path, changed(PLAIN, steps="1"))
    monkeypatch.setattr("srkit.data.contents.digest_of", None)  # no file is read for its hash alone
    run(path, out=tmp_path / "run")
    shutil.copytree(tmp_path / "run", tmp_path / "again")
    (tmp_path / "again" / "results.json").unlink()
    monkeypatch.setattr("srkit.data.audit.noted_digests", None)  # nor decoded again to look at it
    run(path, out=tmp_path / "again", resume=True)
    assert (tmp_path / "again" / "results.json").read_bytes() == (tmp_path / "run" / "results.json").read_bytes()
    listed = json.loads((tmp_path / "run" / "data.json").read_text())["files"]["train"]["00.png"]
    status = (tmp_path / "photos" / "00.png").stat()
    assert (listed["size"], listed["time"]) == (status.st_size, status.st_mtime_ns)
