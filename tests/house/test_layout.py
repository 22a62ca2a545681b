"""What lies where, and what every room has."""

from __future__ import annotations

import ast
import os
import subprocess
from pathlib import Path

import pytest

from srkit.registry import Registry
from tests.house.source import PACKAGE, ROOT, modules, tree

TOP = {"srkit", "plugins", "experiments", "tests", "pyproject.toml", "README.md", "LICENSE", "CHANGELOG.md"}
NAMELESS_FILES = {"utils.py", "util.py", "helpers.py", "common.py", "misc.py"}


def tracked() -> list[str]:
    """What git keeps or would keep."""
    command = ["git", "ls-files", "--cached", "--others", "--exclude-standard"]
    try:
        return subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=True).stdout.splitlines()
    except (OSError, subprocess.CalledProcessError):
        pytest.skip("not in a git checkout, so build folders cannot be told from sources")


def test_only_the_agreed_names_stand_at_the_top() -> None:
    top = {Path(name).parts[0] for name in tracked()}
    assert {name for name in top if not name.startswith(".")} <= TOP


def test_no_file_is_named_for_nothing() -> None:
    assert not [name for name in tracked() if Path(name).name in NAMELESS_FILES]


def test_the_package_is_marked_as_typed() -> None:
    assert (PACKAGE / "py.typed").is_file()


@pytest.mark.parametrize("path", modules(), ids=lambda path: str(path.relative_to(PACKAGE.parent)))
def test_a_module_says_in_its_first_sentence_what_it_is_for(path: Path) -> None:
    docstring = ast.get_docstring(tree(path)) or ""
    assert docstring.split("\n\n")[0].rstrip().endswith("."), "a module opens with one sentence on what it is for"


def test_every_component_has_a_summary_and_documents_each_option() -> None:
    missing = []
    registry = Registry.installed()
    for listing in registry.listings():
        entry = listing.entry
        if entry.distribution != "srkit" or not entry.kind.is_built:
            continue
        if not listing.summary:
            missing.append(f"{entry.kind.singular} {entry.name}: no docstring")
        component = registry.find(entry.kind, entry.qualified, ROOT)
        missing += [
            f"{entry.kind.singular} {entry.name}: {option.name} is not in Args"
            for option in component.signature.options
            if not option.doc
        ]
    assert not missing


def test_no_test_sees_the_users_home(home: Path) -> None:
    import torch

    assert Path.home() == home
    assert Path(torch.hub.get_dir()).is_relative_to(home)
    assert Path(os.environ["XDG_CACHE_HOME"]).is_relative_to(home)
