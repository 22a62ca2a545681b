"""The JSON Schema for editors, held by the `jsonschema` validator against every experiment file and against mistakes."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import jsonschema
import pytest
import tomli

from srkit.contracts import Block, Factory
from srkit.experiment.json_schema import experiment_schema
from srkit.registry import KINDS, Registry
from tests.house.source import ROOT

WHOLE = """
scale = 2
steps = 10
[data]
train = "photos"
[generator]
use = "espcn"
[[pixel_loss]]
use = "mse"
"""


def installed(registry: Registry) -> jsonschema.Draft7Validator:
    found = []
    for kind in (one for one in KINDS.values() if one.is_built):
        for one in registry.listings(kind):
            found.append((registry.find(kind, one.entry.qualified, ROOT), one.summary))
    schema = experiment_schema(found)
    jsonschema.Draft7Validator.check_schema(schema)
    return jsonschema.Draft7Validator(schema)


@pytest.fixture(scope="module")
def validator() -> jsonschema.Draft7Validator:
    return installed(Registry.installed())


@pytest.mark.parametrize("path", sorted((ROOT / "experiments").glob("*.toml")), ids=lambda path: path.stem)
def test_every_experiment_file_fits(path: Path, validator: jsonschema.Draft7Validator) -> None:
    validator.validate(tomli.loads(path.read_text(encoding="utf-8")))


@pytest.mark.parametrize(
    "more",
    [
        "",
        "[downscaler]\nuse = 'random'\nchoices = ['box', { use = 'lanczos' }]\n",
        "[[degradation]]\nuse = 'jpeg'\nquality = 50\n[[degradation]]\nuse = './mine.py:Spoil'\nanything = 1\n",
        "[optimizer]\nbetas = [0.9, 0.99]\n[optimizer.discriminator]\nuse = 'sgd'\nmomentum = 0.5\n",
        "[[stage]]\nsteps = 5\nlr = { generator = 1e-4 }\nset = { 'pixel_loss.mse.weight' = 2 }\n",
        "schedule = 'cosine'\n[[feature_loss]]\nuse = 'vgg16'\nname = 'half'\nweight = 0.1\nprescale = 2\n",
    ],
)
def test_what_may_be_written_fits(more: str, validator: jsonschema.Draft7Validator) -> None:
    top, tables = ("", more) if more.startswith("[") else (more.partition("\n")[0], more.partition("\n")[2])
    validator.validate(tomli.loads(f"{top}\n{WHOLE}{tables}"))


@pytest.mark.parametrize(
    ("before", "after"),
    [
        ("steps = 10", "stepz = 10"),
        ("scale = 2", "scale = 'two'"),
        ("scale = 2", ""),
        ('train = "photos"', ""),
        ('use = "espcn"', 'use = "espcm"'),
        ('use = "espcn"', 'use = "espcn"\nchanels = 3'),
        ('use = "espcn"', 'use = "espcn"\nchannels = "many"'),
        ('use = "mse"', 'use = "mse"\nweight = "heavy"'),
    ],
)
def test_mistakes_do_not_fit(before: str, after: str, validator: jsonschema.Draft7Validator) -> None:
    assert before in WHOLE
    assert not validator.is_valid(tomli.loads(WHOLE.replace(before, after, 1)))


@pytest.mark.parametrize(
    ("matrix", "fits"),
    [
        ("seed = [1, 2]", True),
        ("seed = 1", False),
        ("seed = []", False),
        ("sed = [1]", False),
        ("'generator.channels' = [4, 8]", True),
        ("generator.channels = [4, 8]", True),
        ("generator = ['espcn', { label = 'wide', use = 'espcn', channels = 64 }]", True),
        ("generator = [{ label = 'wide', use = 'espcn', chanels = 64 }]", False),
        ("pixel_loss = [['mse'], { label = 'both', value = ['mse', { use = 'l1' }] }]", True),
        ("precision = ['fp8']", False),
        ("seed = [1]\n[launcher]\nuse = 'local'\njobs = 2", True),
        ("seed = [1]\n[launcher]\nuse = 'local'\njob = 2", False),
    ],
)
def test_a_study(matrix: str, fits: bool, validator: jsonschema.Draft7Validator) -> None:
    assert validator.is_valid(tomli.loads(f"{WHOLE}[matrix]\n{matrix}\n")) is fits


def test_a_file_that_extends_another_may_leave_out_what_that_one_holds(validator: jsonschema.Draft7Validator) -> None:
    validator.validate(tomli.loads('extends = "base.toml"\n[generator]\nchannels = 32\n[data]\nbatch_size = 4\n'))
    assert not validator.is_valid({"extends": "base.toml", "stepz": 10})


class Framed:
    """A frame around blocks.

    Args:
        block: what it repeats.
        depth: how often.
    """

    def __init__(self, scale: int, block: Factory[Block], depth: int = 3) -> None: ...


def test_a_third_party_s_options_are_in_it() -> None:
    registry = Registry(Registry.installed().entries())
    registry.register(KINDS["generators"], "theirs", framed=Framed)
    fits = installed(registry).is_valid

    def with_generator(**table: Any) -> dict[str, Any]:
        return tomli.loads(WHOLE) | {"generator": table}

    assert fits(with_generator(use="framed", block="dilated"))
    assert fits(with_generator(use="theirs:framed", block={"use": "dilated", "dilations": [1, 2]}, depth=2))
    assert not fits(with_generator(use="framed"))
    assert not fits(with_generator(use="framed", block="dilatted"))
    assert not fits(with_generator(use="framed", block={"use": "dilated", "dilation": [1]}))
