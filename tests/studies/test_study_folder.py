"""A study's folder: begun, numbered, and gone on with only as the same study, made longer or larger."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from srkit.errors import UserError
from srkit.experiment import read_experiment, read_study
from srkit.registry import Registry
from srkit.studies.beginning import as_cells, begun, gone_on_with, study_to_resume
from srkit.studies.folder import STUDY_FILE, Study, write_study
from srkit.studies.folder import read_study as read_folder
from srkit.studies.plans import built_launcher, launcher_table, picked_launcher, planned
from tests.studies.support import begin_run

TEXT = """
scale = 2
steps = 10
lr = 1e-3
[data]
train = "photos"
[generator]
use = "./net.py:Net"
[[pixel_loss]]
use = "mse"
[matrix]
seed = [1, 2]
"generator.width" = [4, 8]
"""
NET = '''
class Net:
    """A network."""
    def __init__(self, scale: int, width: int) -> None: ...
'''


@pytest.fixture
def file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "net.py").write_text(NET, encoding="utf-8")
    (tmp_path / "net-study.toml").write_text(TEXT, encoding="utf-8")
    return tmp_path / "net-study.toml"


def start(file: Path, *settings: str, out: Path | None = None) -> Study:
    reading, registry = read_study(file, settings), Registry.installed()
    assert reading is not None and not reading.all_problems()
    return begun("net-study", file, as_cells(planned(reading, registry)), {"use": "srkit:local"}, "", out, registry)


def go_on(file: Path, study: Study, *settings: str) -> Study:
    reading = read_study(file, settings)
    assert reading is not None and not reading.all_problems()
    registry = Registry.installed()
    return gone_on_with(study, as_cells(planned(reading, registry)), study.launcher, "", registry)


def finished(study: Study, *names: str) -> Study:
    """The study with some cells done."""
    for name in names:
        begin_run(study.folder / name, steps=10, step=10)
    cells = tuple(replace(one, state="done") if one.name in names else one for one in study.cells)
    write_study(replace(study, cells=cells))
    return read_folder(study.folder)


def test_what_a_cell_is_started_with_is_an_experiment_of_its_own(file: Path) -> None:
    study = start(file)
    assert [one.name for one in study.cells] == ["width-4-seed1", "width-8-seed1", "width-4-seed2", "width-8-seed2"]
    assert read_folder(Path("runs/net-study")) == study and study.alternatives == ["width=4", "width=8"]
    cell = read_experiment(study.experiment_file(study.cells[3])).experiment
    assert (cell.seed, cell.generator.options) == (2, {"width": 8}) and cell.generator.use == "./code/net.py:Net"
    assert (study.experiment_file(study.cells[3]).parent / "code/net.py").read_text() == NET


def test_a_second_study_of_the_name_gets_a_number_and_the_newest_is_gone_on_with(file: Path) -> None:
    assert [start(file).folder.name for _ in range(2)] == ["net-study", "net-study-2"]
    assert study_to_resume("net-study", None).folder == Path("runs/net-study-2")
    assert study_to_resume("net-study", Path("runs/net-study")).folder == Path("runs/net-study")
    with pytest.raises(UserError, match="there is no study 'other' in runs"):
        study_to_resume("other", None)
    with pytest.raises(UserError, match="never overwritten. Go on with it by --resume"):
        start(file, out=Path("runs/net-study"))
    Path("full").mkdir()
    Path("full/notes.txt").touch()
    with pytest.raises(UserError, match="never overwritten. Choose another --out"):
        start(file, out=Path("full"))


def test_an_attempt_that_was_killed_before_the_study_stood_is_written_over(file: Path) -> None:
    study = start(file)
    (study.folder / STUDY_FILE).unlink()
    assert start(file).folder == study.folder


def test_what_is_done_is_kept_and_a_new_seed_joins(file: Path) -> None:
    study = finished(start(file), "width-4-seed1", "width-8-seed2")
    after = go_on(file, study, "matrix.seed=[1, 2, 3]", "log.every=7")
    assert [one.name for one in after.cells if one.state == "done"] == ["width-4-seed1", "width-8-seed2"]
    assert [one.name for one in after.cells][4:] == ["width-4-seed3", "width-8-seed3"]
    assert read_folder(study.folder) == after
    assert read_experiment(after.experiment_file(after.cells[0])).experiment.log.every == 7


def test_more_steps_wake_what_is_done(file: Path) -> None:
    study = finished(start(file), "width-4-seed1")
    assert all(one.state == "waiting" for one in go_on(file, study, "steps=20").cells)


def test_a_run_that_is_gone_begins_anew(file: Path) -> None:
    study = finished(start(file), "width-4-seed1")
    (study.folder / "width-4-seed1" / "manifest.json").unlink()
    assert go_on(file, study).cells[0].state == "waiting"


@pytest.mark.parametrize(
    ("settings", "lines"),
    [
        (("lr=1e-4",), ["  lr: 0.001 -> 0.0001 (in width-4-seed1, width-8-seed1, width-4-seed2 and 1 more)"]),
        (
            ("steps=9", "matrix.seed=[1]"),
            [
                "  steps: 10 -> 9 (in width-4-seed1, width-8-seed1)",
                "  the file has no such cell any more (in width-4-seed2, width-8-seed2)",
            ],
        ),
        (
            ("matrix.generator.width=[4, 9]",),
            ["  the file has no such cell any more (in width-8-seed1, width-8-seed2)"],
        ),
    ],
)
def test_another_study_is_refused_with_every_difference(
    settings: tuple[str, ...], lines: list[str], file: Path
) -> None:
    study = finished(start(file), "width-4-seed1")
    with pytest.raises(UserError) as refused:
        go_on(file, study, *settings)
    assert str(refused.value).splitlines()[1:-1] == lines
    assert read_folder(study.folder) == study


def test_changed_code_is_refused(file: Path) -> None:
    study = start(file)
    Path("net.py").write_text(NET + "# another\n", encoding="utf-8")
    with pytest.raises(UserError, match="net.py is not what the study began with"):
        go_on(file, study)


def test_a_folder_that_is_no_study_and_a_damaged_one_are_refused(tmp_path: Path) -> None:
    with pytest.raises(UserError, match=r"not a study's folder: it has no study\.json"):
        read_folder(tmp_path)
    (tmp_path / STUDY_FILE).write_text('{"name": "x", "cells": [', encoding="utf-8")
    with pytest.raises(UserError, match=r"study\.json cannot be read"):
        read_folder(tmp_path)


def test_the_launcher_of_the_command_line_comes_first_then_the_file_s_then_the_recorded_one(file: Path) -> None:
    file.write_text(TEXT + '[launcher]\nuse = "local"\njobs = 2\n', encoding="utf-8")
    reading = read_study(file)
    assert reading is not None
    here = reading.launcher
    recorded = Study(file.parent, "x", "x.toml", {"use": "local", "jobs": 4, "threads": 3}, "", ())
    assert launcher_table(None, None, None).table == {"use": "srkit:local"}
    assert launcher_table(here, None, None).table == {"use": "local", "jobs": 2}
    assert launcher_table(here, None, 5).table == {"use": "local", "jobs": 5}
    assert launcher_table(here, '{ use = "local", threads = 7 }', None).table == {"use": "local", "threads": 7}
    # a study goes on with as many threads as it began with
    assert launcher_table(here, None, None, recorded).table == {"use": "local", "jobs": 2, "threads": 3}
    assert launcher_table(None, None, 1, recorded).table == {"use": "local", "jobs": 1, "threads": 3}
    assert launcher_table(None, "other", None, recorded).table == {"use": "other"}


def test_what_a_launcher_cannot_do_is_said_with_file_and_line(file: Path) -> None:
    file.write_text(TEXT + '[launcher]\nuse = "local"\nthreads = 0\n', encoding="utf-8")
    reading = read_study(file)
    assert reading is not None and reading.launcher is not None
    registry = Registry.installed()
    for table, message in (
        (reading.launcher, r"net-study.toml:\d+ launcher.threads: it must be 1 or more, got 0"),
        (launcher_table(None, '{ use = "local", job = 2 }', None), "--launcher launcher.job: .* Did you mean 'jobs'"),
        (launcher_table(None, "locl", None), "--launcher launcher.use: no launcher 'locl'"),
    ):
        with pytest.raises(UserError, match=message):
            built_launcher(picked_launcher(table, registry), table)
