"""What Python hands over comes through `--set`'s own reading as the same value."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from srkit.errors import UserError
from srkit.experiment.settings import parse_setting
from srkit.notebook.overrides import settings_of

TEXTS = st.text(st.characters(exclude_categories=["Cs"]), max_size=12)
PLAIN = st.one_of(st.booleans(), st.integers(-(2**63), 2**63 - 1), st.floats(allow_nan=False), TEXTS)
VALUES = st.recursive(
    PLAIN, lambda one: st.lists(one, max_size=3) | st.dictionaries(TEXTS, one, max_size=3), max_leaves=6
)


@given(st.lists(VALUES, max_size=3))
def test_a_value_comes_through_as_it_is(values: list[Any]) -> None:
    (text,) = settings_of({"a.b": values})
    key, parsed = parse_setting(text)
    assert key == "a.b"
    assert repr(parsed) == repr(values)  # 1 is not 1.0, and True is neither


def test_a_dict_is_laid_over_a_table() -> None:
    table = {"use": "trunk", "block": {"use": "dilated", "dilations": (1, 2)}}
    assert settings_of({"generator": table, "pixel_loss.mse.weight": 0.5}) == [
        'generator.use="trunk"',
        'generator.block.use="dilated"',
        "generator.block.dilations=[1, 2]",
        "pixel_loss.mse.weight=0.5",
    ]


def test_single_numbers_of_arrays_and_paths_are_taken() -> None:
    values = {"a": np.float64(0.5), "b": np.int64(3), "c": torch.tensor(2), "d": Path("x") / "y"}
    assert [parse_setting(one)[1] for one in settings_of(values)] == [0.5, 3, 2, str(Path("x") / "y")]


@pytest.mark.parametrize("value", [None, object(), np.zeros(3), {1, 2}, [object()]])
def test_what_no_file_can_hold_is_refused(value: Any) -> None:
    with pytest.raises(UserError, match=r"^generator\.width: found .*which an experiment file cannot hold"):
        settings_of({"generator": {"width": value}})
