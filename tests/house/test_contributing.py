"""What CONTRIBUTING.md tells a newcomer to write works as it stands there."""

from __future__ import annotations

import importlib.util
import re
import sys
import textwrap
from pathlib import Path
from types import ModuleType

import click
import pytest
from click.testing import CliRunner

from srkit.registry import KINDS, Registry
from tests.house.source import ROOT

COMPONENT = "srkit.components.pixel_losses.log_cosh"


@pytest.fixture
def blocks() -> list[str]:
    """The Python blocks: a component, its test, a command."""
    text = (ROOT / ".github" / "CONTRIBUTING.md").read_text(encoding="utf-8")
    return [textwrap.dedent(one) for one in re.findall(r"^ *```python\n(.*?)^ *```", text, re.DOTALL | re.MULTILINE)]


def load(name: str, text: str, folder: Path, monkeypatch: pytest.MonkeyPatch) -> ModuleType:
    path = folder / f"{name.rpartition('.')[2]}.py"
    path.write_text(text, encoding="utf-8")
    spec = importlib.util.spec_from_file_location(name, path)
    assert spec is not None and spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    monkeypatch.setitem(sys.modules, name, module)
    spec.loader.exec_module(module)
    return module


def test_the_component_and_its_test(blocks: list[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    component = load(COMPONENT, blocks[0], tmp_path, monkeypatch)
    registry = Registry()
    registry.register(KINDS["pixel_losses"], log_cosh=component.LogCosh)
    (option,) = registry.find(KINDS["pixel_losses"], "log-cosh", tmp_path).signature.options
    assert option.doc
    tests = load("newcomers_test", blocks[1], tmp_path, monkeypatch)
    names = [name for name in vars(tests) if name.startswith("test_")]
    assert len(names) == 2
    for name in names:
        getattr(tests, name)()


def test_the_command(blocks: list[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    command = load("newcomers_command", blocks[2], tmp_path, monkeypatch).hello_command
    assert isinstance(command, click.Command)
    assert CliRunner().invoke(command, ["world"]).output == "hello world\n"
