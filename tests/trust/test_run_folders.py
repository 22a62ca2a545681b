"""Nothing is written, renamed or deleted through a link inside a run's, a study's or a set's folder."""

from __future__ import annotations

import json
import os
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest

from srkit.studies.folder import read_study
from tests.cli.conftest import Command
from tests.execution.support import PLAIN, prepared, run

pytestmark = pytest.mark.skipif(os.name == "nt", reason="links need rights there")


@pytest.fixture(scope="module")
def finished(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A finished run of 6 steps, beside its experiment."""
    folder = tmp_path_factory.mktemp("whole")
    run(prepared(folder, PLAIN), out=folder / "run")
    return folder


@pytest.fixture
def here(finished: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A copy of it to stand in, and a folder whose content must not change."""
    shutil.copytree(finished, tmp_path / "here")
    precious = tmp_path / "precious"
    (precious / "step-00000099").mkdir(parents=True)
    (precious / "file").write_text("mine")
    (precious / "step-00000099" / "file").write_text("mine")
    monkeypatch.chdir(tmp_path / "here")
    return tmp_path


def content(folder: Path) -> dict[str, bytes]:
    return {str(one.relative_to(folder)): one.read_bytes() for one in sorted(folder.rglob("*")) if one.is_file()}


def moved(name: str, to: str) -> Callable[[Path, Path], None]:
    """A link in the place of what stood there."""

    def plant(run: Path, precious: Path) -> None:
        path = run / name
        if path.is_dir():
            shutil.rmtree(path)
        path.unlink(missing_ok=True)
        path.symlink_to(precious / to)

    return plant


LINKS = {
    "metrics.jsonl": moved("metrics.jsonl", "file"),
    "validation.jsonl": moved("validation.jsonl", "file"),
    "scores.json": moved("scores.json", "file"),
    "the lock": moved(".lock", "file"),
    "data.json": moved("data.json", "file"),
    "samples": moved("samples", ""),
    "strips": moved("strips", ""),
    "events": moved("events", ""),
    "code": moved("code", ""),
    "checkpoints": moved("checkpoints", ""),
    "a checkpoint": moved("checkpoints/step-00000003", "step-00000099"),
    "a file in a checkpoint": moved("checkpoints/step-00000006/generator.safetensors", "file"),
    "an old name aside": moved(".manifest.json.part", "file"),
    "one that leads nowhere": moved("more", "absent"),
}


@pytest.mark.parametrize("case", LINKS)
def test_a_run_with_a_link_in_it_is_not_resumed(case: str, here: Path, srkit: Command) -> None:
    precious = here / "precious"
    LINKS[case](here / "here" / "run", precious)
    before = content(precious)
    said = srkit("run", "run", "--resume", "--set", "steps=8", "--device", "cpu", "--quiet")
    assert said.code == 2, said.err
    assert "is a link to" in said.err and str(precious) in said.err and len(said.err.splitlines()) == 1
    assert content(precious) == before


def test_the_way_to_a_run_may_lead_through_links(here: Path, srkit: Command) -> None:
    (here / "disk").mkdir()
    (here / "here" / "run").rename(here / "disk" / "run")
    (here / "here" / "runs").symlink_to(here / "disk")
    (here / "here" / "mine").symlink_to(here / "disk" / "run")
    for name in ("runs/run", "mine"):
        said = srkit("run", name, "--resume", "--device", "cpu", "--quiet")
        assert said.code == 0, said.err


@pytest.mark.parametrize("name", [".lock", "code", "manifest.json", "data.json"])
def test_a_folder_that_looks_free_is_not_begun_in_through_a_link(name: str, here: Path, srkit: Command) -> None:
    out = here / "here" / "new"
    out.mkdir()
    (out / "manifest.json").write_text("{}")
    (out / name).unlink(missing_ok=True)
    (out / name).symlink_to(here / "precious" / "file")
    before = content(here / "precious")
    said = srkit("run", "tiny.toml", "--out", "new", "--device", "cpu", "--quiet")
    assert (said.code, "is a link to" in said.err) == (2, True), said.err
    assert content(here / "precious") == before


def test_neither_a_study_nor_a_set_is_gone_on_with(here: Path, srkit: Command) -> None:
    study = ("run", "tiny.toml", "--set", "matrix.seed=[1]", "--out", "study", "--device", "cpu", "--quiet")
    assert srkit(*study).code == 0
    (here / "here" / "study" / "study" / "lock").unlink()
    (here / "here" / "study" / "study" / "lock").symlink_to(here / "precious" / "file")
    before = content(here / "precious")
    for again in ((*study, "--resume"), ("run", "study", "--resume", "--quiet")):
        said = srkit(*again)
        assert (said.code, "is a link to" in said.err) == (2, True), said.err
    (here / "here" / "set" / ".prepare").mkdir(parents=True)
    (here / "here" / "set" / ".prepare" / "journal.jsonl").symlink_to(here / "precious" / "file")
    said = srkit("prepare", "photos", "--out", "set", "--patch-size", "16", "--workers", "1")
    assert (said.code, "is a link to" in said.err) == (2, True), said.err
    assert content(here / "precious") == before


# --- names that files say -----------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "name", ["../../precious", "/etc", "C:x", "a/b", "a\\b", "..", ".", "", "study", "nul", "a\x1b"]
)
def test_a_study_names_only_folders_of_its_own(name: str, here: Path, srkit: Command) -> None:
    folder = here / "here" / "study"
    folder.mkdir()
    cell = {"name": name, "alternative": "a", "seed": 1, "state": "done"}
    study = {"name": "x", "file": "x.toml", "launcher": {"use": "local"}, "device": "", "cells": [cell]}
    (folder / "study.json").write_text(json.dumps(study))
    for command in (("table", "study"), ("report", "study"), ("run", "study", "--resume")):
        said = srkit(*command)
        assert said.code == 2 and "is no name that srkit gives a run of a study" in said.err, said.err
        assert len(said.err.splitlines()) == 1


def test_names_as_a_study_writes_them_are_read(here: Path, srkit: Command) -> None:
    axes = ["matrix.seed=[1, 2]", 'matrix={"generator.channels"=[4, 6], seed=[1]}', "matrix.steps=[2, 3]"]
    for number, axis in enumerate(axes):
        said = srkit("run", "tiny.toml", "--set", axis, "--set", "steps=2", "--out", f"s{number}", "--dry-run")
        assert said.code in (0, 2)
    said = srkit("run", "tiny.toml", "--set", axes[0], "--set", "steps=2", "--out", "s", "--device", "cpu", "--quiet")
    assert said.code == 0, said.err
    assert [cell.name for cell in read_study(here / "here" / "s").cells] == ["seed1", "seed2"]


def test_a_checkpoint_names_only_files_of_its_own(here: Path, srkit: Command) -> None:
    from srkit.training.checkpoint import _digest

    path = here / "here" / "run" / "checkpoints" / "step-00000006" / "state.json"
    body = json.loads(path.read_text())
    body.pop("sha256")
    body["files"]["../../../../precious/file"] = body["files"].pop("generator.safetensors")
    path.write_text(json.dumps({"sha256": _digest(body), **body}))
    shutil.rmtree(here / "here" / "run" / "checkpoints" / "step-00000003")
    said = srkit("upscale", "photos", "--model", "run", "--out", "large")
    assert said.code == 2 and "which is no file of a checkpoint" in said.err


def test_a_report_shows_no_image_that_a_link_leads_to(here: Path, srkit: Command) -> None:
    run = here / "here" / "run"
    for strip in (run / "strips").glob("*.png"):
        strip.unlink()
        strip.symlink_to(here / "precious" / "file")
    shutil.rmtree(here / "here" / "held_out")
    said = srkit("report", "run", "--out", "page.html")
    assert said.code == 0, said.err
    assert b"bWluZQ" not in (here / "here" / "page.html").read_bytes()  # "mine" in base64
