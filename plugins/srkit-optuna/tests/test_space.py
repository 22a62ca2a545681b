"""What is typed behind --param, read as parameters and written as settings."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as some

from srkit.errors import UserError
from srkit.experiment.settings import parse_setting
from srkit_optuna.results import short_names
from srkit_optuna.space import Choices, Range, parse_parameter, parse_parameters, size, toml_text


@pytest.mark.parametrize(
    ("text", "values"),
    [
        ("generator.channels=32,64", (32, 64)),
        ("optimizer.use=adam,adamw", ("adam", "adamw")),
        ('optimizer.use="adam","adamw"', ("adam", "adamw")),
        ("lr = 1e-4, 0.5", (1e-4, 0.5)),
        ("augment.flip=true,false", (True, False)),
        ("optimizer.betas=[0.9, 0.99],[0.5, 0.999]", ([0.9, 0.99], [0.5, 0.999])),
        (
            'generator.block={ use = "plain" },{ use = "dilated", channels = 3 }',
            ({"use": "plain"}, {"use": "dilated", "channels": 3}),
        ),
        ("precision=fp32,bf16", ("fp32", "bf16")),
        ("init=../a/b,../c", ("../a/b", "../c")),
    ],
)
def test_a_list_is_read_as_toml_or_bare_words(text: str, values: tuple[Any, ...]) -> None:
    read = parse_parameter(text)
    assert isinstance(read, Choices)
    assert read.values == values
    assert [type(one) for one in read.values] == [type(one) for one in values]
    assert tuple(read.value(label) for label in read.labels) == values


@pytest.mark.parametrize(
    ("text", "low", "high", "whole", "is_log"),
    [
        ("lr=1e-5..1e-3", 1e-5, 1e-3, False, True),
        ("generator.channels=16..64", 16, 64, True, False),
        ("generator.channels=16..160", 16, 160, True, True),
        ("x=-1..1", -1, 1, True, False),
        ("x=0..100.0", 0, 100, False, False),
        ("x = 0.1 .. 0.99", 0.1, 0.99, False, False),
        ("x=+1e1..1E2", 10, 100, False, True),
    ],
)
def test_a_range_is_logarithmic_from_a_decade_on(text: str, low: float, high: float, whole: bool, is_log: bool) -> None:
    read = parse_parameter(text)
    assert read == Range(read.key, low, high, whole)
    assert read.is_log == is_log
    assert all(isinstance(one, int if whole else float) for one in read.probes())


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("lr", "expected KEY=VALUE"),
        ("=1,2", "expected KEY=VALUE"),
        ("lr=", "expected KEY=VALUE"),
        ("lr=1e-4", "--set lr=1e-4"),
        ("lr=1..1", "end above its beginning"),
        ("lr=2..1", "end above its beginning"),
        ("lr=small..large", "no range of two numbers"),
        ("lr=1...2", "no range of two numbers"),
        ("lr=1,2,1", "1 is there twice"),
    ],
)
def test_what_makes_no_sense_is_refused(text: str, why: str) -> None:
    with pytest.raises(UserError, match=why):
        parse_parameter(text)


def test_a_key_stands_once() -> None:
    with pytest.raises(UserError, match="lr: it is given twice"):
        parse_parameters(["lr=1,2", "steps=1,2", "lr=3,4"])


def test_combinations_are_counted() -> None:
    assert size(parse_parameters(["a=1,2,3", "b=1..4"])) == 12
    assert size(parse_parameters(["a=1,2,3", "b=1..4.5"])) == float("inf")


VALUES = some.recursive(
    some.booleans()
    | some.integers(-(2**60), 2**60)
    | some.floats(allow_nan=False)
    | some.text(some.characters(codec="utf-8", exclude_characters="\x7f")),
    lambda below: some.lists(below, max_size=3) | some.dictionaries(some.text("ab-c. ", min_size=1), below, max_size=3),
    max_leaves=6,
)


@given(VALUES)
def test_a_setting_gives_its_value_back(value: Any) -> None:
    assert parse_setting(f"key={toml_text(value)}") == ("key", value)


def test_headings_are_short_and_tell_keys_apart() -> None:
    assert short_names(["generator.channels", "optimizer.lr", "stage.1.lr", "lr"]) == [
        "channels",
        "optimizer.lr",
        "1.lr",
        "lr",
    ]
