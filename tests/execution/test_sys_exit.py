"""`sys.exit()` in code of a component or a plugin is that one's failure; it ends no run in silence."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from srkit.errors import SrkitError
from srkit.hooks import hookimpl
from srkit.training import checkpoint
from tests.cli.conftest import Command, srkit
from tests.execution.support import PLAIN, command, prepared, run

__all__ = ["srkit"]

ENDS = '''
"""Components that end the program, each when it is used for the third time."""
import sys
import numpy as np
import torch
from torch import nn
from torch.nn import functional as F

used = {}


def use(name):
    used[name] = used.get(name, 0) + 1
    if used[name] == 3:
        sys.exit(0)


class Net(nn.Module):
    def __init__(self, scale: int) -> None:
        super().__init__()
        self.layer = nn.Conv2d(3, 3 * scale**2, 1)
        self.scale = scale

    def forward(self, lr):
        use("net")
        return F.pixel_shuffle(self.layer(lr), self.scale)


class Loss(nn.Module):
    def forward(self, sr, hr):
        use("loss")
        return (sr - hr).square().mean()


class Darker:
    def __call__(self, batch, draws):
        use("degradation")
        return batch * 0.9


class Error:
    unit = ""
    higher_is_better = False

    def __call__(self, sr, hr):
        use("metric")
        return (sr - hr).abs().mean((1, 2, 3))


class Falling:
    def __init__(self, steps: int = 1) -> None:
        pass

    def factor(self, step: int) -> float:
        use("schedule")
        return 1.0

    def state_dict(self):
        return {}

    def load_state_dict(self, state) -> None:
        pass


class Photos:
    def __len__(self):
        return 5

    def __getitem__(self, index: int):
        use("photos")
        return np.full((64, 64, 3), index, np.uint8)

    def name(self, index: int) -> str:
        return str(index)


class Built(Net):
    def __init__(self, scale: int) -> None:
        sys.exit("not today")
'''

WHO = {
    "generator.use=./ends.py:Net": "the generator './ends.py:Net' failed after step 0: SystemExit: 0",
    "pixel_loss.mse.use=./ends.py:Loss": "the loss 'Loss' failed after step 2: SystemExit: 0",
    'degradation=[{use="./ends.py:Darker"}]': "the degradation 'Darker' failed",
    'validation={metrics=["./ends.py:Error"],every=2}': "the metric 'Error' failed",
    'schedule={use="./ends.py:Falling"}': "SystemExit: 0",
    'data.train={use="./ends.py:Photos"}': "SystemExit: 0",
    'data={train={use="./ends.py:Photos"},patch_size=32,batch_size=4,workers=2}': "SystemExit: 0",
    "generator.use=./ends.py:Built": "SystemExit: not today",
}


@pytest.mark.parametrize("setting", WHO)
def test_a_component_that_exits_is_named_and_the_exit_code_is_not_its_own(
    setting: str, tmp_path: Path, srkit: Command, monkeypatch: pytest.MonkeyPatch
) -> None:
    prepared(tmp_path, PLAIN)
    (tmp_path / "ends.py").write_text(ENDS)
    monkeypatch.chdir(tmp_path)
    if "generator.use" in setting:
        text = PLAIN.replace('use = "espcn"\nchannels = 8', f"use = {json.dumps(setting.partition('=')[2])}")
        (tmp_path / "tiny.toml").write_text(text)
        words: tuple[str, ...] = ()
    else:
        words = ("--set", setting)
    said = srkit("run", "tiny.toml", *words, "--out", "out", "--device", "cpu", "--quiet")
    spoken = " ".join((said.out + said.err).split())
    assert said.code in (1, 2), spoken
    assert WHO[setting] in spoken and "ends.py" in spoken
    assert "bug" not in spoken and "Traceback" not in spoken


@pytest.mark.parametrize("hook", ["srkit_run_start", "srkit_step_end", "srkit_validation_end", "srkit_run_end"])
def test_a_hook_that_exits_is_named_with_the_way_to_stop_early(hook: str, tmp_path: Path) -> None:
    def leave(self: Any, run: Any) -> None:
        raise SystemExit(0)

    leave.__name__ = hook
    plugin = type("Leaves", (), {hook: hookimpl(leave)})()
    with pytest.raises(SrkitError, match=r"plugin leaver failed in .*run\.request_stop\(reason\)") as caught:
        run(prepared(tmp_path, PLAIN), out=tmp_path / "out", observers={"leaver": plugin})
    assert caught.value.exit_code == 1
    if hook not in ("srkit_run_start",):
        assert checkpoint.checkpoints(tmp_path / "out/checkpoints")


def test_a_study_s_run_that_exits_has_failed(tmp_path: Path) -> None:
    prepared(tmp_path, PLAIN + "[matrix]\nseed = [1]\n")
    (tmp_path / "ends.py").write_text(ENDS)
    done = command(
        *("run", "tiny.toml", "--set", "pixel_loss.mse.use=./ends.py:Loss", "--out", "study", "--trust", "--quiet"),
        cwd=tmp_path,
    )
    assert done.returncode == 1, done.stdout + done.stderr
    assert "the loss 'Loss' failed after step 2" in done.stdout + done.stderr


def test_a_plugin_s_own_command_ends_as_it_likes(srkit: Command, monkeypatch: pytest.MonkeyPatch) -> None:
    import click

    from srkit.cli.main import Commands

    @click.command()
    def leave() -> None:
        raise SystemExit(7)

    found: Callable[..., Any] = lambda self, name: leave if name == "leave" else None  # noqa: E731
    monkeypatch.setattr(Commands, "_plugin_command", found)
    assert srkit("leave").code == 7
