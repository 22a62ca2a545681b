"""Optimizers with two sets of weights rest and go on to the last bit; every optimizer does through a checkpoint."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import torch
from torch import nn

from srkit.components.schedules.plateau import Plateau
from srkit.hooks import hookimpl
from srkit.registry import KINDS, Registry
from srkit.training import checkpoint
from srkit.training.updater import Updater
from tests.execution.support import GAN, assert_same_run, last, prepared, run, same

CPU = torch.device("cpu")
OPTIMIZERS = ("adam", "adamw", "sgd", "adan", "lion", "schedule-free")


def network() -> nn.Module:
    torch.manual_seed(3)
    return nn.Sequential(nn.Conv2d(3, 4, 3), nn.PReLU(), nn.Conv2d(4, 3, 1)).to(memory_format=torch.channels_last)


def updater(net: nn.Module, name: str) -> Updater:
    first, *rest = net.parameters()
    groups: list[dict[str, Any]] = [
        {"params": [first], "lr": 0.0, "lr_scale": 0.1},
        {"params": rest, "lr": 0.0, "lr_scale": 1.0},
    ]
    optimizer = Registry.installed().find(KINDS["optimizers"], f"srkit:{name}", Path.cwd()).factory(groups)
    return Updater(optimizer, Plateau(), 1.0, CPU)


def advance(net: nn.Module, one: Updater, steps: range) -> None:
    for step in steps:
        image = torch.rand(2, 3, 8, 8, generator=torch.Generator().manual_seed(step))
        one.backward((net(image) - 0.3).square().mean(), "fp32")
        one.step(step, 0.01, "fp32")


def weights(net: nn.Module) -> dict[str, torch.Tensor]:
    return {name: value.detach().clone() for name, value in net.state_dict().items()}


@pytest.mark.parametrize("name", OPTIMIZERS)
def test_goes_on_from_a_checkpoint_to_the_last_bit(name: str, tmp_path: Path) -> None:
    straight, resumed = network(), network()
    one, other = updater(straight, name), updater(resumed, name)
    advance(straight, one, range(1, 4))
    one.schedule.observe(20.0, True)  # type: ignore[attr-defined]
    one.rest()
    saved = checkpoint.load(checkpoint.save(tmp_path, 3, {"generator": straight.state_dict()}, one.state_dict()))
    one.resume()
    resumed.load_state_dict(saved.modules["generator"])
    other.load_state_dict(saved.state)
    assert same(weights(resumed), weights(straight))
    assert other.schedule.state_dict() == one.schedule.state_dict()  # type: ignore[attr-defined]
    advance(straight, one, range(4, 7))
    advance(resumed, other, range(4, 7))
    assert same(weights(resumed), weights(straight))
    assert same(one.state_dict(), other.state_dict())


def test_how_often_a_run_is_judged_does_not_change_its_course() -> None:
    seldom, often = network(), network()
    one, other = updater(seldom, "schedule-free"), updater(often, "schedule-free")
    for step in range(1, 9):
        advance(seldom, one, range(step, step + 1))
        advance(often, other, range(step, step + 1))
        training = weights(often)
        other.rest()
        other.rest()
        assert step == 1 or not same(weights(often), training)
        other.resume()
        other.resume()
        assert same(weights(often), training)
    assert same(weights(seldom), weights(often))


# --- a whole run ----------------------------------------------------------------------------------------------------

RUN = (
    GAN.replace('use = "cosine"', 'use = "plateau"\npatience = 0\nthreshold = 100.0')
    .replace("accumulation = 2", 'use = "schedule-free"\naccumulation = 2')
    .replace("[ema]\ndecay = 0.9\n", "")
)


def test_a_run_with_schedule_free_and_plateau_resumes_bit_for_bit(tmp_path: Path) -> None:
    path = prepared(tmp_path, RUN)

    class Stop:
        """Ends the run as Ctrl-C does, between two checkpoints."""

        @hookimpl
        def srkit_step_end(self, run: Any, step: int) -> None:
            if step == 5:
                run.request_stop("interrupted")

    run(path, out=tmp_path / "whole")
    run(path, out=tmp_path / "cut", observers={"stop": Stop()})
    run(path, out=tmp_path / "cut", resume=True)
    assert_same_run(tmp_path / "whole", tmp_path / "cut")


def test_the_judged_weights_are_the_ones_kept_and_plateau_lowers_the_rate(tmp_path: Path) -> None:
    outcome = run(prepared(tmp_path, RUN), out=tmp_path / "run")
    saved = last(tmp_path / "run")
    assert same(dict(outcome.run.model.state_dict()), saved.modules["generator"])
    training = saved.state["updaters"]["generator"]["training"]
    assert not same(training[0], saved.modules["generator"]["layers.0.weight"])
    # validations at 3, 6, 9: the first is the best by definition, the two after it are not 100 dB better; the one at
    # 10 is there because the run ends, and does not count
    assert saved.state["updaters"]["generator"]["schedule"]["drops"] == 2
    assert outcome.run.stepper.learning_rates()["generator"] == pytest.approx(3e-4 / 4)
