"""`srkit tune` from the command line: its end, what it refuses, what fails, what is given up."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
import tomli
from conftest import TINY, Command

FAILS = '''
"""A loss that some values break."""
import torch
from torch import nn


class Picky(nn.Module):
    """The mean square.

    Args:
        level: 2 fails once training is on its way.
    """

    def __init__(self, level: int = 1) -> None:
        super().__init__()
        self.level = level

    def forward(self, views):
        if self.level == 2 and views.step > 2:
            raise ValueError("two is too much")
        return (views.sr - views.hr).square().mean()
'''


def test_a_search_ends_in_a_table_and_a_file_to_run(workplace: Path, srkit: Command) -> None:
    arguments = (
        "tune",
        "tiny.toml",
        "--param",
        "generator.channels=2,4,8",
        "--param",
        "lr=1e-4..1e-2",
        "--trials",
        "2",
    )
    said = srkit(*arguments)
    assert said.code == 0, said.err
    out = workplace / "runs" / "tune-tiny"
    assert {one.name for one in out.iterdir()} >= {"unchanged", "trial-0001", "trial-0002", "best.toml", "study.db"}
    rows = json.loads((out / "scores.json").read_text())["rows"]
    assert [one["model"] for one in rows][::2] == ["unchanged", "bicubic"]
    name = rows[1]["model"]
    assert f"{name} " in said.out.split("PSNR-Y (dB)")[1]
    assert "differences from unchanged" in said.out
    # the file is the trial: run again, it gives the same scores
    best = tomli.loads((out / "best.toml").read_text())
    trained = tomli.loads((out / name / "experiment.toml").read_text())
    assert (best["lr"], best["generator"]) == (trained["lr"], trained["generator"])
    assert best["lr"] != 1e-3
    again = srkit("run", str(out / "best.toml"), "--out", "again", "--quiet")
    assert again.code == 0, again.err
    scores = json.loads((workplace / "again" / "scores.json").read_text())["rows"][-1]
    assert scores["metrics"] == rows[1]["metrics"]

    # the same command goes on where it stands, and has nothing to do
    more = srkit(*arguments[:-1], "3")
    assert more.code == 0, more.err
    assert more.err.count("trial-") == more.err.count("trial-0003") + more.err.count("the best so far is trial-")
    changed = srkit(*arguments, "--metric", "ssim-y")
    assert changed.code == 2
    assert "metric: psnr-y -> ssim-y" in changed.err
    assert "Choose another --out" in changed.err


def test_a_trial_that_fails_is_named_and_stops_no_other(workplace: Path, srkit: Command) -> None:
    (workplace / "picky.py").write_text(FAILS, encoding="utf-8")
    (workplace / "tiny.toml").write_text(TINY.replace('"mse"', '"./picky.py:Picky"'), encoding="utf-8")
    # more than there are combinations
    said = srkit("tune", "tiny.toml", "--param", "pixel_loss.Picky.level=1..3", "--trials", "9")
    assert said.code == 0, said.err
    assert "the unchanged experiment and 3 trials" in said.err
    failed = next(line for line in said.out.splitlines() if line.endswith("failed"))
    assert failed.split()[1] == "2"
    assert f"{failed.split()[0]} failed: the loss 'Picky' failed after step 2: ValueError: two is too much" in said.err
    assert "3 trials: 2 done, 1 failed" in said.err
    assert "no trial is better than the unchanged experiment" in said.err
    assert said.err.rstrip().endswith("next:\n  srkit run tiny.toml") and "keep the experiment as it is" in said.err
    assert "# no better than the unchanged experiment" in (workplace / "runs" / "tune-tiny" / "best.toml").read_text()
    best = srkit("check", "runs/tune-tiny/best.toml")
    assert best.code == 0, best.err


def test_what_falls_behind_is_pruned(workplace: Path, srkit: Command) -> None:
    text = TINY + "[[stage]]\nsteps = 8\nlr = 1e-3\n"
    (workplace / "tiny.toml").write_text(text.replace("steps = 8\nseed", "seed").replace("lr = 1e-3\nprec", "prec"))
    # rates under which nothing is learned: all but the first ones are behind the median
    said = srkit("tune", "tiny.toml", "--param", "stage.1.lr=1e-3..1e-9", "--trials", "2")
    assert "has to end above its beginning" in said.err
    said = srkit("tune", "tiny.toml", "--param", "stage.1.lr=1e-9..1e-1", "--trials", "7", "--metric", "ssim-rgb")
    assert said.code == 0, said.err
    pruned = [line.split()[0] for line in said.out.splitlines() if " pruned at step " in line]
    assert pruned
    assert f"{pruned[0]} is pruned: ssim-rgb " in said.err
    lines = (workplace / "runs" / "tune-tiny" / pruned[0] / "validation.jsonl").read_text().splitlines()
    assert json.loads(lines[-1])["step"] < 8


@pytest.mark.parametrize(
    ("arguments", "why"),
    [
        (("--param", "generator.chanels=1,2"), "--param generator.chanels: generator 'espcn' has no option 'chanels'. Did you mean"),
        (("--param", "generator.channels=4,wide"), "--param generator.channels: found the text 'wide'"),
        (("--param", "generator.channels=0..4"), "--param generator.channels: espcn needs at least one channel, got 0"),
        (("--param", "scale=2,3"), "changes what the runs are judged on"),
        (("--param", "data.validate.path=a,b"), "changes what the runs are judged on"),
        (("--param", "lr=1e-4,1e-3", "--metric", "beauty"), "--metric validation.metrics.beauty.use: no metric 'beauty'"),
        (("--param", "lr=1e-4,1e-3", "--storage", "nonsense"), "the database nonsense cannot be used: Could not parse"),
        (("--param", "lr=1e-4,1e-3", "--set", "stage=[{steps=8, lr=1e-3}]"), "lr: it changes no learning rate here"),
        (("--param", "lr=1e-4,1e-3", "--out", "photos/0.png"), "the folder photos/0.png cannot be made"),
    ],
)  # fmt: skip
def test_what_is_wrong_is_said_before_the_first_trial(srkit: Command, arguments: tuple[str, ...], why: str) -> None:
    said = srkit("tune", "tiny.toml", *arguments)
    assert said.code == 2
    assert why in said.err
    assert not Path("runs").exists()


def test_a_database_of_something_else_is_refused(workplace: Path, srkit: Command) -> None:
    (workplace / "runs" / "tune-tiny").mkdir(parents=True)
    (workplace / "runs" / "tune-tiny" / "study.db").write_text("not a database, in any way, at all")
    said = srkit("tune", "tiny.toml", "--param", "lr=1e-4,1e-3")
    assert said.code == 2
    assert "study.db cannot be used" in said.err
    assert "Traceback" not in said.err


def test_a_range_of_whole_numbers_holds_all_others_where_they_fit(srkit: Command) -> None:
    said = srkit(
        "tune",
        "tiny.toml",
        "--param",
        "pixel_loss.mse.weight=1..2",
        "--param",
        "generator.channels=2..4",
        "--trials",
        "1",
    )
    assert said.code == 0, said.err
    assert "pixel_loss.mse.weight: 1 to 2, any number, linear scale" in said.err
    assert "generator.channels: 2 to 4, whole numbers, linear scale" in said.err


def test_lr_is_the_learning_rate_where_the_file_has_it(workplace: Path, srkit: Command) -> None:
    (workplace / "tiny.toml").write_text(TINY.replace("lr = 1e-3\n", "") + "[optimizer]\nlr = 1e-3\n")
    said = srkit("tune", "tiny.toml", "--param", "lr=1e-4,1e-2", "--trials", "1", "--set", "steps=1")
    assert said.code == 0, said.err
    best = tomli.loads((workplace / "runs" / "tune-tiny" / "best.toml").read_text())
    assert best["optimizer"]["lr"] in (1e-4, 1e-2)
