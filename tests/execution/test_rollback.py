"""[on_nan]: back to the last good checkpoint with other random numbers, as often as allowed, all of it recorded."""

import json
import sys
from pathlib import Path

import pytest

from srkit.errors import SrkitError
from tests.execution.support import (
    GAN,
    PLAIN,
    KillAt,
    assert_same_run,
    forked,
    last,
    numbers,
    prepared,
    run,
    scores,
    steps_kept,
)

FRAGILE = '''
import torch
from torch import nn


class Fragile(nn.Module):
    """The error, which is not a number at some steps as long as the draws are those of a first attempt."""

    def __init__(self, at: list[int], attempts: int = 1, by_weight: bool = False) -> None:
        super().__init__()
        self.at, self.attempts, self.by_weight = at, attempts, by_weight

    def forward(self, views):
        loss = (views.sr - views.hr).square().mean()
        if views.step in self.at and views.draws.key.attempt < self.attempts:
            # the loss itself, or a gradient too large for the next weights while the loss is still a number
            return loss * float("nan") if not self.by_weight else loss + (views.sr.sum() * 0).sqrt()
        return loss
'''


def fragile(folder: Path, options: str, rollback: int = 2, text: str = PLAIN) -> Path:
    path = prepared(folder, text)
    (folder / "fragile.py").write_text(FRAGILE, encoding="utf-8")
    loss = f'[[pixel_loss]]\nuse = "./fragile.py:Fragile"\n{options}\n'
    path.write_text(path.read_text() + loss + (f"[on_nan]\nrollback = {rollback}\n" if rollback else ""))
    return path


def test_goes_back_and_on_with_other_draws_and_says_so_everywhere(tmp_path: Path) -> None:
    notices: list[str] = []
    jpeg = '[[degradation]]\nuse = "jpeg"\nquality = [40, 90]\n[validation]\nevery = 2\n'
    path = fragile(tmp_path, "at = [5]\n" + jpeg)
    outcome = run(path, "log.every=1", out=tmp_path / "out", notices=notices)
    reason = "step 5: the loss term 'Fragile' is nan; went back to step 3 and on with other random numbers"
    assert f"warning: {reason}" in notices
    manifest = json.loads((tmp_path / "out/manifest.json").read_text())
    assert manifest["rollbacks"] == [{"step": 5, "back_to": 3, "fact": "the loss term 'Fragile' is nan"}]
    assert reason in outcome.rows[1].warnings and reason not in outcome.rows[0].warnings
    assert [line["step"] for line in numbers(tmp_path / "out")] == [1, 2, 3, 4, 5, 6]
    assert [line["step"] for line in numbers(tmp_path / "out", "validation.jsonl")] == [2, 4, 6]
    assert last(tmp_path / "out").state["attempt"] == 1
    whole = run(path, "log.every=1", "pixel_loss.Fragile.at=[]", out=tmp_path / "whole").run
    assert not whole.rollbacks
    lines = [numbers(tmp_path / name) for name in ("out", "whole")]
    assert lines[0][:3] == lines[1][:3] and lines[0][3]["mse"] != lines[1][3]["mse"]


def test_before_the_first_checkpoint_it_goes_back_to_the_start(tmp_path: Path) -> None:
    outcome = run(fragile(tmp_path, "at = [2]"), out=tmp_path / "out")
    assert [(one.step, one.back_to) for one in outcome.run.rollbacks] == [(2, 0)]
    assert steps_kept(tmp_path / "out") == [0, 3, 6]


def test_weights_that_are_not_finite_are_gone_back_from_too(tmp_path: Path) -> None:
    outcome = run(fragile(tmp_path, "at = [6]\nby_weight = true"), out=tmp_path / "out")
    ((step, fact),) = [(one.step, one.fact) for one in outcome.run.rollbacks]
    assert step == 6 and "generator's weight" in fact


def test_after_the_last_one_allowed_the_run_ends_and_tells_how_often(tmp_path: Path) -> None:
    with pytest.raises(SrkitError, match=r"step 5: .* It went back 2 times before, as on_nan allows. The last good"):
        run(fragile(tmp_path, "at = [5]\nattempts = 9"), out=tmp_path / "out")
    manifest = json.loads((tmp_path / "out/manifest.json").read_text())
    assert [one["step"] for one in manifest["rollbacks"]] == [5, 5]


def test_without_the_table_the_run_ends_at_once_and_goes_on_once_it_is_there(tmp_path: Path) -> None:
    path = fragile(tmp_path, "at = [5]", rollback=0)
    with pytest.raises(SrkitError, match=r"step 5: the loss term 'Fragile' is nan. The batch held") as caught:
        run(path, out=tmp_path / "out")
    assert "went back" not in str(caught.value) and steps_kept(tmp_path / "out") == [3]
    path.write_text(path.read_text() + "[on_nan]\nrollback = 1\n")
    assert len(run(path, out=tmp_path / "out", resume=True).run.rollbacks) == 1


@pytest.mark.skipif(sys.platform == "win32", reason="there is no fork and no SIGKILL on Windows")
def test_killed_after_each_of_two_rollbacks_it_ends_bit_for_bit_alike(tmp_path: Path) -> None:
    path = fragile(tmp_path, "at = [5, 8]\nattempts = 2\nweight = 0.1", rollback=3, text=GAN)
    whole = run(path, out=tmp_path / "whole").run
    assert len(whole.rollbacks) == 2
    for step in (6, 9):  # before and after a checkpoint that knows of the rollback
        killer = {"killer": KillAt("step_end", step)}
        assert forked(lambda k=killer, s=step: run(path, out=tmp_path / "cut", resume=s > 6, observers=k)) < 0
    assert run(path, out=tmp_path / "cut", resume=True).run.rollbacks == whole.rollbacks
    assert_same_run(tmp_path / "whole", tmp_path / "cut")
    warnings = [scores(tmp_path / name)["rows"][1]["warnings"] for name in ("whole", "cut")]
    assert warnings[0] == warnings[1] and any("went back" in one for one in warnings[0])
