"""Workflows may read and no more, and use actions by commit; the lowest versions of pyproject.toml are known."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

import pytest
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

from tests.house.source import ROOT

WORKFLOWS = [*(ROOT / ".github" / "workflows").glob("*.yml"), *(ROOT / "srkit").rglob("*.yml.tmpl")]


@pytest.mark.parametrize("file", WORKFLOWS, ids=lambda file: file.name)
def test_a_workflow_may_only_read(file: Path) -> None:
    text = file.read_text(encoding="utf-8")
    assert re.search(r"(?m)^permissions:\n  contents: read\n(?!  )", text)
    assert text.count("permissions:") == 1  # no job takes more


@pytest.mark.parametrize("file", WORKFLOWS, ids=lambda file: file.name)
def test_actions_are_named_by_commit(file: Path) -> None:
    used = re.findall(r"uses: *(.*)", file.read_text(encoding="utf-8"))
    assert used
    assert [one for one in used if not re.fullmatch(r"[\w./-]+@[0-9a-f]{40} # v\d[\d.]*", one)] == []


def lowest(folder: Path) -> subprocess.CompletedProcess[str]:
    return subprocess.run([sys.executable, folder / ".ci" / "lowest"], capture_output=True, text=True, timeout=60)


def test_the_lowest_versions_are_those_of_pyproject() -> None:
    said = lowest(ROOT)
    assert said.returncode == 0, said.stderr
    pins = {one.name: one.specifier for one in map(Requirement, said.stdout.splitlines())}
    assert all(str(one).startswith("==") for one in pins.values())
    text = (ROOT / "pyproject.toml").read_text(encoding="utf-8")
    for name in ("torch", "numpy", "onnx", "pytest-xdist"):
        (floor,) = set(re.findall(rf'"{name}>=([\d.]+)"', text))
        assert str(pins[name]) == f"=={floor}"
    assert "srkit" not in {canonicalize_name(one) for one in pins}


@pytest.mark.parametrize(
    ("dependencies", "said"),
    [
        ('["a>=1.9", "A >= 1.10"]', "a==1.10\n"),
        ('["a[x]>=2; python_version > \'3\'", "mine[all]"]', "a==2\n"),
        ('["a"]', "'a' in pyproject.toml has no lowest version: write >="),
        ('["a<2"]', "'a<2' in pyproject.toml has no lowest version: write >="),
    ],
)
def test_of_several_floors_the_highest_holds_and_none_is_refused(dependencies: str, said: str, tmp_path: Path) -> None:
    (tmp_path / ".ci").mkdir()
    (tmp_path / ".ci" / "lowest").write_text((ROOT / ".ci" / "lowest").read_text(encoding="utf-8"), encoding="utf-8")
    (tmp_path / "pyproject.toml").write_text(
        f'[project]\nname = "mine"\ndependencies = {dependencies}\n', encoding="utf-8"
    )
    done = lowest(tmp_path)
    assert (done.stdout or done.stderr.strip()) == said
