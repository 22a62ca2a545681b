"""`srkit inspect`: numbers against formulas, for an experiment and for a run."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from tests.cli.conftest import Command

WEIGHTS = 2 * 3 * 25 + 2 + 2 * 2 * 9 + 2 + 12 * 2 * 9 + 12
"""Of an ESPCN of two channels at scale 2."""


@pytest.mark.parametrize("what", ["tiny.toml", "runs/espcn"])
def test_the_numbers_are_those_of_the_formula(what: str, workplace: Path, srkit: Command) -> None:
    said = srkit("inspect", what, "--json", "--device", "cpu")
    assert said.code == 0, said.err
    facts = json.loads(said.out)
    generator = facts["generator"]
    assert generator["name"] == "espcn" and generator["parameters"] == WEIGHTS
    assert generator["macs_input"] == [8, 8]
    assert generator["macs"] == 64 * (WEIGHTS - 2 - 2 - 12) == sum(one["macs"] for one in generator["layers"])
    assert generator["receptive_field"] == 9 and 1 <= generator["receptive_field_measured"] <= 9
    assert facts["discriminator"] is None
    step = facts["training_step"]
    assert step["predicted_bytes"] > 4 * 4 * WEIGHTS
    assert step["largest_batch"]["64"] > step["largest_batch"]["128"] > 0


def test_it_is_readable_and_wrong_input_is_said(workplace: Path, srkit: Command) -> None:
    said = srkit("inspect", "tiny.toml")
    assert said.code == 0, said.err
    assert "receptive field: 9 x 9 LR pixels" in said.out and "into 8 GB fit" in said.out
    assert srkit("inspect", "nothing.toml").code == 2
