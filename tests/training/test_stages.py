"""A stage's optimizers go on or start anew, and a run killed at the border of two stages goes on alike."""

import copy
import sys
from pathlib import Path

import pytest
import torch

from tests.execution.support import GAN, KillAt, assert_same_run, forked, last, numbers, prepared, run, same
from tests.training.test_updater import OPTIMIZERS, advance, network, updater, weights

ANEW = GAN.replace("steps = 6\n", 'steps = 6\noptimizer_state = "anew"\n')


@pytest.mark.parametrize("name", OPTIMIZERS)
def test_an_optimizer_that_forgets_is_as_a_new_one_with_these_weights(name: str) -> None:
    net = network()
    one = updater(net, name)
    advance(net, one, range(1, 4))
    one.forget()
    other = copy.deepcopy(net)
    fresh = updater(other, name)
    assert not any(one.optimizer.state_dict()["state"].values())
    advance(net, one, range(4, 7))
    advance(other, fresh, range(4, 7))
    assert same(weights(net), weights(other))


def test_what_is_averaged_is_what_a_forgetting_optimizer_begins_with() -> None:
    net = network()
    one = updater(net, "schedule-free")
    advance(net, one, range(1, 4))
    one.rest()
    judged = weights(net)
    one.resume()
    one.forget()
    assert all(torch.allclose(value, judged[name]) for name, value in weights(net).items())


def test_only_from_its_first_step_on_does_a_stage_that_forgets_differ(tmp_path: Path) -> None:
    kept = run(prepared(tmp_path, GAN, "kept.toml"), "log.every=1", out=tmp_path / "kept").run
    anew = run(prepared(tmp_path, ANEW, "anew.toml"), "log.every=1", out=tmp_path / "anew").run
    assert [span.forgets for span in anew.timeline.spans] == [False, True]
    lines = list(zip(numbers(tmp_path / "kept"), numbers(tmp_path / "anew"), strict=True))
    assert [one == other for one, other in lines] == [True] * 4 + [False] * 6
    steps = last(tmp_path / "anew").state["updaters"]["generator"]["optimizer"]["state"][0]["step"]
    assert int(steps) == 6 and kept.step == 10


@pytest.mark.skipif(sys.platform == "win32", reason="there is no fork and no SIGKILL on Windows")
def test_killed_at_the_border_of_a_stage_that_forgets(tmp_path: Path) -> None:
    path = prepared(tmp_path, ANEW)
    run(path, out=tmp_path / "whole")
    assert forked(lambda: run(path, out=tmp_path / "cut", observers={"killer": KillAt("checkpoint_saved", 4)})) < 0
    run(path, out=tmp_path / "cut", resume=True)
    assert_same_run(tmp_path / "whole", tmp_path / "cut")
