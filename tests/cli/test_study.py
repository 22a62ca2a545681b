"""Studies on the command line: checked, rehearsed, refused, and their table in every format."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import pytest

from srkit.cli.run import _require_alone
from srkit.errors import UserError
from srkit.training.distributed import ALONE
from tests.cli.conftest import TINY, Command
from tests.studies.support import a_study, begin_run

MATRIX = '[matrix]\nseed = [1, 2]\n"generator.channels" = [2, 3]\n'


@pytest.fixture
def study(workplace: Path) -> Path:
    (workplace / "study.toml").write_text(TINY + MATRIX, encoding="utf-8")
    return workplace / "study.toml"


def test_check_says_how_many_runs_it_makes(study: Path, srkit: Command) -> None:
    said = srkit("check", "study.toml")
    assert said.code == 0 and "study.toml: ok, a study of 4 runs" in said.out


def test_check_says_everything_that_is_wrong_with_all_cells_at_once(study: Path, srkit: Command) -> None:
    text = TINY.replace('use = "mse"', 'use = "mze"') + MATRIX.replace("3]", '"many"]')
    study.write_text(text + '"data.patch_size" = [16, 17]\n[launcher]\nuse = "locl"\n', encoding="utf-8")
    said = srkit("check", "study.toml")
    assert said.code == 2
    lines = [one for one in said.out.splitlines() if not one.startswith("warning:")]
    assert sorted(line.partition(": ")[0] for line in lines) == [
        "study.toml:15 pixel_loss.mze.use",
        "study.toml:18 generator.channels",
        "study.toml:19 data.patch_size",
        "study.toml:21 launcher.use",
    ]
    assert "(in channels=many)" in said.out and "(in patch_size=17)" in said.out
    told = json.loads(srkit("check", "study.toml", "--json").out)
    assert [one["line"] for one in told if one["key"] == "generator.channels"] == [18]
    assert srkit("run", "study.toml").code == 2 and not Path("runs/study").exists()


def test_a_picture_of_several_cells_is_named_once(study: Path, srkit: Command) -> None:
    Path("photos/broken.png").write_bytes(b"no picture")
    said = srkit("check", "study.toml")
    assert said.code == 2 and said.out.count("broken.png") == 2  # of the training and of the validation set


def test_dry_run_adds_up_the_runs(study: Path, srkit: Command) -> None:
    said = srkit("run", "study.toml", "--dry-run", "--jobs", "2")
    assert said.code == 0, said.err
    assert "channels=2: about 0:00 x 2 for 1 steps" in said.out and "study.toml: 4 runs" in said.out
    assert "2 at a time" in said.out and "disk    about" in said.out and not Path("runs/study").exists()


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (("run", "tiny.toml", "--jobs", "2"), "tiny.toml: only a study takes --jobs, and this file has no [matrix]"),
        (("run", "study.toml", "--set", "seed=4"), "the matrix varies seed. Set the alternatives: --set matrix.seed=[...]"),
        (("run", "study.toml", "--resume"), "there is no study 'study' in runs"),
        (("run", "study.toml", "--launcher", "slrum"), "no launcher 'slrum'"),
        (("run", "study.toml", "--out", "runs/espcn"), "runs/espcn is not empty, and a study is never overwritten"),
        (("run", "runs/made"), "runs/made is a study; go on with it by --resume, see it by srkit table runs/made"),
        (("data", "study.toml"), "this file is a study: many experiments in one"),
        (("table", "photos"), "photos is neither a study's folder nor a run's"),
        (("table", "runs/made", "--against", "r3"), "--against r3: no row is called that"),
    ],
)  # fmt: skip
def test_what_makes_no_sense_is_refused(words: tuple[str, ...], message: str, study: Path, srkit: Command) -> None:
    a_study(Path("runs/made"))
    said = srkit(*words)
    assert said.code == 2 and message in " ".join(said.err.split()) and "Traceback" not in said.err


def test_a_study_under_torchrun_is_refused() -> None:
    _require_alone(ALONE, Path("study.toml"))
    with pytest.raises(UserError, match=r"study.toml: a study starts its own processes; leave torchrun out"):
        _require_alone(replace(ALONE, size=2), Path("study.toml"))


@pytest.mark.parametrize("form", ["table", "markdown", "csv", "json", "latex"])
def test_the_table_in_every_format(form: str, workplace: Path, srkit: Command) -> None:
    a_study(Path("runs/made"))
    said = srkit("table", "runs/made", "--format", form)
    assert said.code == 0 and "r0" in said.out and "r1" in said.out and not said.err
    if form != "csv":
        assert "seeds" in said.out


def test_a_table_names_what_is_missing_also_where_nothing_is_there(workplace: Path, srkit: Command) -> None:
    study = a_study(Path("runs/made"), seeds=1)
    for name in ("r0-seed1", "r1-seed1"):
        (study.folder / name / "scores.json").unlink()
        begin_run(study.folder / name, steps=40, step=8)
    said = srkit("table", "runs/made")
    assert said.code == 0 and "no run is finished and judged yet" in said.out
    assert "not in the table: r0-seed1 (done, step 8 of 40)" in said.out
    told = json.loads(srkit("table", "runs/made", "--format", "json").out)
    assert told["rows"] == [] and [one["run"] for one in told["missing"]] == ["r0-seed1", "r1-seed1"]
