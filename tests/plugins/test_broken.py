"""Six ways in which somebody's distribution can be broken, and what list, show, check and run make of each."""

from __future__ import annotations

import json
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from srkit.registry import Registry
from tests.cli.conftest import TINY, Command, photo
from tests.cli.conftest import srkit as srkit
from tests.registry.conftest import Distribute
from tests.registry.conftest import distribute as distribute

NET = '''
"""Somebody's networks."""
from torch import nn


class Net(nn.Module):
    """A network of somebody's."""

    def __init__(self, scale: int) -> None:
        super().__init__()
        self.layers = nn.Sequential(nn.Conv2d(3, 3 * scale**2, 3, padding=1), nn.PixelShuffle(scale))

    def forward(self, lr):
        return self.layers(lr)
'''
SLOW = "import time\ntime.sleep(0.2)\n" + NET

CASES: dict[str, dict[str, Any]] = {
    "missing dependency": {"requires": ("loom>=3",), "state": "broken", "said": "theirs needs loom, which is not"},
    "syntax error": {"source": "class Net(:\n", "state": "broken", "said": "syntax error in"},
    "wrong entry point": {"target": "their_nets:Knot", "state": "broken", "said": "their_nets has no Knot"},
    "import that fails": {"source": NET + "raise OSError('no loom')\n", "state": "ok", "said": "OSError: no loom"},
    "duplicate name": {"name": "espcn", "state": "conflict", "said": "'srkit:espcn'"},
    "wrong class": {"source": NET.replace("scale: int", "size: int"), "state": "ok", "said": "takes no 'scale'"},
}
"""What is wrong -> how the distribution differs from a sound one, its state in the list, what its user is told."""


@pytest.fixture
def theirs(distribute: Distribute, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[[str], str]:
    """Install the distribution of a case, and stand where an experiment uses it; gives the component's name."""

    def install(case: str) -> str:
        wrong = CASES.get(case, {})
        name = wrong.get("name", "net")
        points = f"[srkit.generators]\n{name} = {wrong.get('target', 'their_nets:Net')}\n"
        source = wrong.get("source", SLOW if case == "slow import" else NET)
        distribute("theirs", points, {"their_nets.py": source}, requires=wrong.get("requires", ()))
        photo(tmp_path / "photos" / "a.png")
        text = TINY.replace('use = "espcn"\nchannels = 2', f'use = "{name}"')
        (tmp_path / "theirs.toml").write_text(text, encoding="utf-8")
        (tmp_path / "ours.toml").write_text(TINY.replace('"espcn"', '"srkit:espcn"'), encoding="utf-8")
        monkeypatch.chdir(tmp_path)
        return name

    return install


@pytest.mark.parametrize("case", CASES)
def test_it_is_listed_shown_checked_and_refused(case: str, theirs: Callable[[str], str], srkit: Command) -> None:
    name, wrong = theirs(case), CASES[case]
    rows = {row["qualified"]: row for row in json.loads(srkit("list", "generators", "--json").out)}
    assert rows[f"theirs:{name}"]["state"] == wrong["state"]
    assert "their_nets" not in sys.modules
    own = [row for row in rows.values() if row["distribution"] == "srkit" and row["name"] != name]
    assert {row["state"] for row in own} == {"ok"}
    for command in (["show", "generators", name], ["check", "theirs.toml"], ["run", "theirs.toml", "--out", "out"]):
        answer = srkit(*command)
        said = " ".join((answer.out + answer.err).split())
        assert answer.code == 2 and wrong["said"] in said and "Traceback" not in said, said
        if command[0] != "show":
            assert "theirs.toml:" in said and "generator.use" in said, said
    assert not Path("out").exists()


@pytest.mark.parametrize("case", CASES)
def test_nothing_else_suffers(case: str, theirs: Callable[[str], str], srkit: Command) -> None:
    theirs(case)
    assert srkit("check", "ours.toml").code == 0
    assert srkit("show", "pixel-losses", "mse").code == 0


def test_a_slow_import_slows_nobody_who_does_not_use_it(theirs: Callable[[str], str], srkit: Command) -> None:
    theirs("slow import")
    assert srkit("list").code == 0 and srkit("check", "ours.toml").code == 0 and srkit("schema", "--help").code == 0
    assert "their_nets" not in sys.modules
    assert srkit("check", "theirs.toml").code == 0
    assert "their_nets" in sys.modules


def test_the_kit_says_what_keeps_it_from_being_used(theirs: Callable[[str], str], srkit: Command) -> None:
    theirs("missing dependency")
    answer = srkit("plugin", "check", "theirs")
    assert answer.code == 2 and "broken imported: it can be imported" in answer.out and "loom" in answer.out
    assert Registry.installed().entries()
