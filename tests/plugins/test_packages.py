"""Every package under plugins/ is one that stands on its own; its tests are its own affair and run in `.ci/run`."""

from __future__ import annotations

import ast
import tomllib
from pathlib import Path
from typing import Any

import pytest
from packaging.requirements import Requirement

import srkit
from srkit.experiment import read_experiment
from srkit.registry import KINDS
from srkit.registry.discovery import canonical
from tests.house.source import ROOT

PACKAGES = sorted(file.parent for file in (ROOT / "plugins").glob("*/pyproject.toml"))
GROUPS = {kind.group for kind in KINDS.values()}

Project = dict[str, Any]


@pytest.fixture(params=PACKAGES, ids=lambda folder: folder.name)
def folder(request: pytest.FixtureRequest) -> Path:
    return Path(request.param)


@pytest.fixture
def pyproject(folder: Path) -> Project:
    return read(folder)


def read(folder: Path) -> Project:
    return tomllib.loads((folder / "pyproject.toml").read_text(encoding="utf-8"))


def offers(pyproject: Project) -> list[tuple[str, str, str]]:
    """(group, name, target) of its components."""
    groups = pyproject["project"]["entry-points"].items()
    return [(group, *pair) for group, points in groups if group in GROUPS for pair in points.items()]


def test_there_are_some() -> None:
    assert {"srkit-dilated", "srkit-iqa", "srkit-spandrel", "srkit-unet"} <= {folder.name for folder in PACKAGES}


def test_it_says_who_it_is(folder: Path, pyproject: Project) -> None:
    project = pyproject["project"]
    assert canonical(project["name"]) == folder.name
    assert project["license"] == "MIT" and project["requires-python"] == ">=3.11" and project["description"]
    assert (folder / project["readme"]).read_text(encoding="utf-8").startswith(f"# {folder.name}\n")
    assert list(project["entry-points"]["srkit.contract"]) == [str(srkit.contract)]


def test_its_requirements_have_bounds_and_let_this_srkit_in(pyproject: Project) -> None:
    requirements = [Requirement(text) for text in pyproject["project"]["dependencies"]]
    assert [one.name for one in requirements if not one.specifier] == []
    (own,) = (one for one in requirements if one.name == "srkit")
    assert {one.operator for one in own.specifier} == {">=", "<"}
    assert own.specifier.contains(srkit.__version__, prereleases=True)


def test_it_is_typed_and_says_so_when_it_is_installed(pyproject: Project, folder: Path) -> None:
    (package,) = pyproject["tool"]["setuptools"]["packages"]
    assert (folder / package / "py.typed").is_file()
    assert "py.typed" in pyproject["tool"]["setuptools"]["package-data"][package]


def test_its_entry_points_lead_to_something(pyproject: Project, folder: Path) -> None:
    assert offers(pyproject)
    for group, name, target in offers(pyproject):
        module, _, attribute = target.partition(":")
        file = folder.joinpath(*module.split(".")).with_suffix(".py")
        body = ast.parse(file.read_text(encoding="utf-8")).body
        defined = {getattr(node, "name", None) for node in body}
        defined |= {getattr(one, "id", None) for node in body for one in getattr(node, "targets", [])}
        assert attribute in defined or (not attribute and group == "srkit.plugins"), f"{name}: no {target}"


def test_no_two_packages_offer_one_name() -> None:
    """The core is one of them: a name that two offer is refused to whoever writes it."""
    everything = [(group, name) for folder in [ROOT, *PACKAGES] for group, name, _ in offers(read(folder))]
    assert sorted({one for one in everything if everything.count(one) > 1}) == []


def test_its_tests_run_the_conformance_kit_on_all_of_it(folder: Path) -> None:
    tests = "".join(file.read_text(encoding="utf-8") for file in sorted((folder / "tests").glob("test_*.py")))
    assert f'srkit_components("{folder.name}")' in tests


def test_its_experiments_can_be_read(folder: Path) -> None:
    for file in sorted((folder / "experiments").glob("*.toml")):
        assert read_experiment(file) is not None
        assert not file.read_text(encoding="utf-8").startswith("["), f"{file.name} does not say what it asks"
