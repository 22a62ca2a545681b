"""The version of the contract that a distribution declares: known, newer, older, nonsense, none."""

from __future__ import annotations

from pathlib import Path

import pytest

import srkit
from srkit.registry import KINDS, BrokenComponent, Registry
from srkit.registry.discovery import OLDEST_CONTRACT
from tests.registry.conftest import Distribute

BLOCK = {"weaving.py": "class Woven:\n    '''Weaves.'''\n    def __init__(self, channels: int) -> None: ...\n"}
POINTS = "[srkit.blocks]\nwoven = weaving:Woven\n"


def declaring(version: str) -> str:
    return f"{POINTS}[srkit.contract]\n{version} = weaving\n"


@pytest.mark.parametrize("points", [POINTS, declaring(str(srkit.contract)), declaring(str(OLDEST_CONTRACT))])
def test_what_is_known_or_undeclared_is_taken(points: str, distribute: Distribute) -> None:
    distribute("srkit-weave", points, BLOCK)
    assert Registry.installed().find(KINDS["blocks"], "srkit-weave:woven", Path()).name == "woven"


@pytest.mark.parametrize(
    ("version", "reason"),
    [
        (str(srkit.contract + 1), f"written for srkit's contract {srkit.contract + 1}, and this srkit"),
        (str(OLDEST_CONTRACT - 1), f"which srkit {srkit.__version__} no longer knows"),
        ("one", "declares srkit.contract 'one', which is not a whole number"),
    ],
)
def test_another_version_is_said_plainly_and_not_guessed(version: str, reason: str, distribute: Distribute) -> None:
    distribute("srkit-weave", declaring(version), BLOCK)
    registry = Registry.installed()
    (listing,) = [one for one in registry.listings() if one.entry.distribution == "srkit-weave"]
    assert listing.state == "broken" and reason in listing.reason and listing.summary == "Weaves."
    with pytest.raises(BrokenComponent, match="srkit-weave:woven: srkit-weave"):
        registry.find(KINDS["blocks"], "woven", Path())
