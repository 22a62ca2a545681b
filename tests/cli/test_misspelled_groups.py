"""Entry points in groups that srkit does not have are named, with the group that is meant."""

from __future__ import annotations

import json

import pytest

from srkit.registry.discovery import misspelled
from tests.cli.conftest import Command, srkit
from tests.registry.conftest import Distribute, distribute

__all__ = ["distribute", "srkit"]

PARTS = {"weave_parts.py": '"""Parts."""\nfrom torch import nn\n\n\nclass Net(nn.Module):\n    """A net."""\n'}


@pytest.mark.parametrize(
    ("group", "nearest"),
    [
        ("srkit.generator", "srkit.generators"),
        ("srkit_generators", "srkit.generators"),
        ("srkit.Generators", "srkit.generators"),
        ("srkit.pixel-losses", "srkit.pixel_losses"),
        ("srkit.losses", "srkit.pixel_losses"),
        ("srkit.feature_loss", "srkit.feature_losses"),
        ("srkit.generatros", "srkit.generators"),
        ("srkit.plugin", "srkit.plugins"),
        ("srkit.zebra", ""),
    ],
)
def test_the_nearest_group_is_named_by_list_doctor_and_plugin_check(
    group: str, nearest: str, distribute: Distribute, srkit: Command
) -> None:
    distribute("srkit-weave", f"[{group}]\nweave = weave_parts:Net\n", PARTS)
    (found,) = misspelled()
    assert (found.distribution, found.name, found.group, found.nearest) == ("srkit-weave", "weave", group, nearest)
    said = srkit("list", "generators")
    assert said.code == 0
    listed = srkit("list", "generators", "--json")
    assert listed.code == 0 and isinstance(json.loads(listed.out), list)
    checked = srkit("plugin", "check", "srkit-weave")
    assert checked.code == 2
    for text in (said.err, checked.out, srkit("doctor").out):
        spoken = " ".join(text.split())
        assert f"srkit-weave offers 'weave' in the entry-point group {group!r}" in spoken, spoken
        assert (f"It means {nearest!r}" if nearest else "Groups: srkit.generators") in spoken


@pytest.mark.parametrize(
    "group", ["console_scripts", "srkit.contract", "srkit.generators", "srkitty.things", "srkit_weave.own"]
)
def test_other_groups_are_nobody_s_business(group: str, distribute: Distribute) -> None:
    distribute("srkit-weave", f"[{group}]\nweave = weave_parts:Net\n", PARTS)
    assert misspelled() == []
