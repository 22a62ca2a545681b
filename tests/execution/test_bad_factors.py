"""Optimizers and schedules that fail, or give what is no factor, are named as losses are."""

from __future__ import annotations

from pathlib import Path

import pytest

from srkit.errors import SrkitError
from tests.cli.conftest import Command, srkit
from tests.execution.support import PLAIN, prepared, run

__all__ = ["srkit"]

OWN = '''
import torch

GIVEN = {GIVEN}


class Rises:
    """A schedule that goes wrong at step 4."""

    def factor(self, step: int) -> float:
        return GIVEN if step == 4 else 1.0


class Stumbles(torch.optim.SGD):
    """An optimizer that fails in its fourth update."""

    def __init__(self, parameters) -> None:
        super().__init__(parameters, lr=1e-3)

    def step(self, closure=None):
        self.done = getattr(self, "done", 0) + 1
        if self.done == 4:
            raise ValueError("lost count")
        return super().step(closure)


class Falls(Rises):
    def factor(self, step: int) -> float:
        raise KeyError("step")
'''


def written(folder: Path, given: str, extra: str) -> Path:
    path = prepared(folder, PLAIN, extra=extra)
    (folder / "own.py").write_text(OWN.replace("{GIVEN}", given), encoding="utf-8")
    return path


@pytest.mark.parametrize("given", ["-0.5", "float('nan')", "float('inf')", "'0.5'", "None", "True", "torch.ones(1)"])
def test_a_factor_that_is_no_number_from_0_is_said_by_check(
    given: str, tmp_path: Path, srkit: Command, monkeypatch: pytest.MonkeyPatch
) -> None:
    written(tmp_path, given, '[schedule]\nuse = "./own.py:Rises"\n')
    monkeypatch.chdir(tmp_path)
    said = srkit("check", "tiny.toml")
    assert said.code == 2
    spoken = " ".join(said.out.split())
    assert "tiny.toml:23 schedule.use: 'Rises' has the factor" in spoken and "at step 4." in spoken, spoken
    assert "has to be a number from 0" in spoken


@pytest.mark.parametrize("given", ["-0.5", "float('nan')", "'0.5'"])
def test_a_factor_that_no_check_saw_ends_the_run_by_the_schedule_s_name(given: str, tmp_path: Path) -> None:
    path = written(tmp_path, given, '[schedule]\nuse = "./own.py:Rises"\n')
    with pytest.raises(SrkitError, match="schedule './own.py:Rises' has the factor .* at step 4"):
        run(path, out=tmp_path / "out")


def test_a_number_of_numpy_s_is_a_factor(tmp_path: Path) -> None:
    written(tmp_path, "__import__('numpy').float32(0.5)", '[schedule]\nuse = "./own.py:Rises"\n')
    assert run(tmp_path / "tiny.toml", out=tmp_path / "out").run.step == 6


def test_an_optimizer_that_fails_is_named(tmp_path: Path) -> None:
    path = written(tmp_path, "1.0", '[optimizer]\nuse = "./own.py:Stumbles"\n')
    with pytest.raises(
        SrkitError, match=r"the optimizer './own.py:Stumbles' failed after step 3: ValueError: lost count"
    ):
        run(path, out=tmp_path / "out")


def test_a_schedule_that_fails_is_named_by_check(
    tmp_path: Path, srkit: Command, monkeypatch: pytest.MonkeyPatch
) -> None:
    written(tmp_path, "1.0", '[schedule]\nuse = "./own.py:Falls"\n')
    monkeypatch.chdir(tmp_path)
    said = srkit("check", "tiny.toml")
    assert said.code == 2 and "'Falls' fails at step 1: KeyError: 'step'" in said.out, said.out
