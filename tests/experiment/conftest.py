"""Experiment files written, read and completed in one line."""

from __future__ import annotations

import textwrap
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from srkit.errors import ExperimentError, Problem
from srkit.experiment import Plan, Reading, complete, read_experiment
from srkit.registry import Registry

BASE = """
scale = 2
steps = 100
[data]
train = "photos"
validate = "photos"
[generator]
use = "espcn"
[[pixel_loss]]
use = "mse"
"""


@dataclass
class Desk:
    """A folder with experiment files; `file` is what is read where nothing else is said."""

    folder: Path
    registry: Registry
    file: str = "x.toml"

    def write(self, text: str, name: str = "") -> Path:
        path = self.folder / (name or self.file)
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(textwrap.dedent(text).lstrip("\n"), encoding="utf-8")
        return path

    def read(self, text: str = "", *settings: str) -> Reading:
        return read_experiment(self.write(text) if text else self.folder / self.file, settings)

    def plan(self, text: str = "", *settings: str) -> Plan:
        return complete(self.read(text, *settings), self.registry)

    def problems(self, text: str = "", *settings: str) -> list[Problem]:
        try:
            return self.plan(text, *settings).problems
        except ExperimentError as error:
            return error.problems

    def said(self, text: str = "", *settings: str) -> list[str]:
        """Each problem as it is printed, files by their name alone."""
        return [str(one).replace(f"{self.folder}/", "") for one in self.problems(text, *settings)]

    def sound(self, text: str = "", *settings: str) -> Plan:
        plan = self.plan(text, *settings)
        assert not plan.problems, [str(one) for one in plan.problems]
        return plan


@pytest.fixture(scope="session")
def installed() -> Registry:
    return Registry.installed()


@pytest.fixture
def desk(tmp_path: Path, installed: Registry, monkeypatch: pytest.MonkeyPatch) -> Desk:
    monkeypatch.chdir(tmp_path)
    return Desk(tmp_path, installed)


Say = Callable[..., Any]
