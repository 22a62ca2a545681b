"""What README.md shows of Python works as it stands there."""

from __future__ import annotations

import re
import shutil
from pathlib import Path

import pytest
from IPython.core.interactiveshell import InteractiveShell

from tests.cli.conftest import TINY, photo
from tests.house.source import ROOT


def examples() -> list[str]:
    """The Python blocks that use srkit as a library, in order."""
    text = (ROOT / "README.md").read_text(encoding="utf-8")
    blocks = re.findall(r"^```python\n(.*?)^```", text, re.DOTALL | re.MULTILINE)
    return [block for block in blocks if "srkit." in block]


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Where one stands: `experiments/` and `photos/` in small, and a run of `espcn`."""
    photo(tmp_path / "photos" / "a.png")
    (tmp_path / "experiments").mkdir()
    tiny = TINY.replace('"photos"', '"../photos"')
    for name in ("espcn", "espcn_vgg"):
        (tmp_path / "experiments" / f"{name}.toml").write_text(tiny, encoding="utf-8")
    monkeypatch.chdir(tmp_path)
    return tmp_path


def test_the_examples_run_one_after_another_in_a_notebook(folder: Path) -> None:
    import srkit

    srkit.run("experiments/espcn.toml", out="runs/espcn", quiet=True, device="cpu")
    shell = InteractiveShell()
    for example in examples():
        # the length of the runs is the newcomer's, not the test's
        done = shell.run_cell(re.sub(r"steps=\d+", "steps=2", example), silent=True)
        done.raise_error()
    shutil.rmtree(folder / "runs")


def test_running_and_judging_are_shown() -> None:
    text = "\n".join(examples())
    assert "srkit.load(" in text and "srkit.run(" in text and "srkit.bench(" in text
