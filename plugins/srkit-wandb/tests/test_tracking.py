"""Runs tracked by the real wandb, offline; its files are read back."""

from __future__ import annotations

import json
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import wandb
from conftest import Execute, written
from PIL import Image

from srkit.errors import UserError
from srkit.hooks import HookFailed, hookimpl
from srkit_wandb.asking import Place, asked_for
from srkit_wandb.config import by_name


class At:
    """Does something at a step."""

    def __init__(self, step: int, action: Any) -> None:
        self.step, self.action = step, action

    @hookimpl
    def srkit_step_end(self, run: Any, step: int) -> None:
        if step == self.step:
            self.action(run)


def test_nobody_asks_and_nothing_happens(workplace: Path, run: Execute, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "wandb", None)  # importing it would raise
    outcome = run("plain")
    assert not any("tracked" in one for one in outcome.run.warnings)
    assert not (workplace / "plain" / "wandb").exists()


def test_a_run_is_written_down(workplace: Path, run: Execute, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SRKIT_WANDB", "team/pictures")
    run("first")
    (found,) = written(workplace / "first")
    assert (found.run.project, found.run.entity, found.run.display_name) == ("pictures", "team", "first")
    assert not found.run.run_group
    # what the file says, with every default
    assert found.config["generator"]["channels"] == 2
    assert found.config["pixel_loss"] == {"mse": {"use": "srkit:mse", "name": "mse", "weight": 1.0}}
    assert found.config["schedule"]["use"] == "srkit:constant"
    # the numbers are those of metrics.jsonl and validation.jsonl
    lines = [json.loads(line) for line in (workplace / "first" / "metrics.jsonl").read_text().splitlines()]
    logged = [one for one in found.history if "train/mse" in one]
    assert [(one["step"], one["train/mse"], one["lr/generator"]) for one in logged] == [
        (one["step"], one["mse"], one["lr"]) for one in lines
    ]
    lines = [json.loads(line) for line in (workplace / "first" / "validation.jsonl").read_text().splitlines()]
    scored = [one for one in found.history if "validation/psnr-y" in one]
    assert [(one["step"], one["validation/psnr-y"]) for one in scored] == [
        (one["step"], one["psnr-y"]) for one in lines
    ]
    assert found.exit_code == 0
    assert found.summary["state"] == "done"


def test_pictures_are_kept(workplace: Path, run: Execute, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SRKIT_WANDB", "1")
    kept: dict[str, Any] = {}

    class Look:
        @hookimpl
        def srkit_validation_end(self, step: int, pictures: Mapping[str, Any]) -> None:
            if step == 2:
                kept.update(pictures)

    run("first", observers={"look": Look()})
    (found,) = written(workplace / "first")
    assert [one["step"] for one in found.history if "pictures/0/sr.path" in one] == [2, 4, 6]
    assert [one["step"] for one in found.history if {"pictures/1/lr.path", "pictures/1/hr.path"} <= {*one}] == [2]
    first = next(one for one in found.history if "pictures/0/sr.path" in one)
    for view in ("lr", "sr", "hr"):
        file = found.files / first[f"pictures/0/{view}.path"]
        assert np.array_equal(np.asarray(Image.open(file)), kept["0.png"][view].permute(1, 2, 0).numpy())


def test_a_resumed_run_keeps_its_id(workplace: Path, run: Execute, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SRKIT_WANDB", "pictures")
    run("long", observers={"stop": At(3, lambda run: run.request_stop("enough"))})
    run("other")  # in between, in the same process
    run("long", resume=True)
    before, after = written(workplace / "long")
    (other,) = written(workplace / "other")
    assert before.run.run_id == after.run.run_id != other.run.run_id
    assert (before.exit_code, before.summary["state"]) == (130, "enough")
    assert (after.exit_code, after.summary["state"]) == (0, "done")
    steps = [one["step"] for session in (before, after) for one in session.history if "train/mse" in one]
    assert steps == [2, 4, 6]


def test_a_run_that_is_no_longer_tracked_says_so(
    workplace: Path, run: Execute, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SRKIT_WANDB", "pictures")
    run("long", observers={"stop": At(2, lambda run: run.request_stop("enough"))})
    monkeypatch.setenv("SRKIT_WANDB", "off")
    middle = run("long", resume=True, observers={"stop": At(4, lambda run: run.request_stop("enough"))})
    (session,) = written(workplace / "long")
    assert middle.run.warnings == [
        f"its steps from here on are not tracked: SRKIT_WANDB is not set, and it was (run {session.run.run_id})"
    ]
    # asked for again, it is the same one
    monkeypatch.setenv("SRKIT_WANDB", "pictures")
    run("long", resume=True)
    assert [one.run.run_id for one in written(workplace / "long")] == [session.run.run_id] * 2


def test_a_run_that_fails_is_shown_as_failed(workplace: Path, run: Execute, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SRKIT_WANDB", "pictures")

    def fail(_: Any) -> None:
        raise RuntimeError("the disk is full of photos")

    with pytest.raises(HookFailed):
        run("bad", observers={"fail": At(3, fail)})
    (found,) = written(workplace / "bad")
    assert found.exit_code == 1
    assert "the disk is full of photos" in found.summary["state"]


def test_a_study_is_a_group(workplace: Path, run: Execute, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SRKIT_WANDB", "pictures")
    (workplace / "widths").mkdir()
    (workplace / "widths" / "study.json").write_text("{}")
    run("widths/wide", "steps=1")
    assert written(workplace / "widths" / "wide")[0].run.run_group == "widths"


def test_without_an_account_the_way_out_is_said(workplace: Path, run: Execute, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SRKIT_WANDB", "pictures")
    monkeypatch.setenv("WANDB_MODE", "online")
    monkeypatch.setattr(sys, "stdin", None)
    wandb.teardown()  # it knows the environment as it was when it was first called
    with pytest.raises(UserError, match=r"first cannot be tracked.*API key.*WANDB_MODE=offline"):
        run("first")


@pytest.mark.parametrize(
    ("value", "place"),
    [
        ("", None),
        ("0", None),
        ("Off", None),
        ("1", Place("srkit")),
        ("pictures", Place("pictures")),
        (" team/pictures ", Place("pictures", "team")),
    ],
)
def test_how_it_is_asked_for(value: str, place: Place | None, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SRKIT_WANDB", value)
    assert asked_for() == place


def test_wandbs_own_project_is_heard(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SRKIT_WANDB", "yes")
    monkeypatch.setenv("WANDB_PROJECT", "mine")
    assert asked_for() == Place("mine")


@pytest.mark.parametrize("value", ["a/b/c", "/b", "a/"])
def test_what_names_no_project_is_refused(value: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SRKIT_WANDB", value)
    with pytest.raises(UserError, match="expected PROJECT or ENTITY/PROJECT"):
        asked_for()


def test_entries_go_by_their_names() -> None:
    assert by_name({"stage": [{"steps": 3}, {"steps": 4}], "loss": [{"use": "a:b"}, {"use": "b"}], "list": [1, 2]}) == {
        "stage": {"1": {"steps": 3}, "2": {"steps": 4}},
        "loss": {"b": {"use": "a:b"}, "b-2": {"use": "b"}},
        "list": [1, 2],
    }
