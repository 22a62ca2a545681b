"""Values of TOML as the types that options ask for, and what is said of those that do not fit."""

from __future__ import annotations

import datetime
import enum
import subprocess
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Annotated, Any, Literal

import pytest
from msgspec import Meta

from srkit.registry.values import BadValue, convert, expected, found, unsupported

BASE = Path("/base").resolve()
Positive = Annotated[int, Meta(ge=1)]
Share = Annotated[float, Meta(ge=0, le=1)]


class Mode(enum.Enum):
    FAST = "fast"


FITS = [
    (3, int, 3),
    (3, float, 3.0),
    (True, bool, True),
    ("x", str, "x"),
    (3, int | None, 3),
    (3, Positive | tuple[int, int], 3),
    ([3, 4], Positive | tuple[int, int], (3, 4)),
    ([3, [4, 5]], list[Positive | tuple[int, int]], [3, (4, 5)]),
    ({"a": 3, "b": [1, 2]}, dict[str, Positive | tuple[int, int]], {"a": 3, "b": (1, 2)}),
    ([1, [2, 3]], tuple[Positive | tuple[int, int], ...], (1, (2, 3))),
    ([[1, 2], 3], tuple[tuple[int, int], Positive | tuple[int, int]], ((1, 2), 3)),
    ([1, 2, 3], tuple[int, int] | tuple[int, int, int], (1, 2, 3)),
    ("none", Literal["none", "srgb"] | Annotated[float, Meta(gt=0)], "none"),
    (2, Literal["none", "srgb"] | Annotated[float, Meta(gt=0)], 2.0),
    ("auto", Annotated[int | Literal["auto"], Meta(ge=0, description="x")], "auto"),
    (4, Annotated[int | Literal["auto"], Meta(ge=0, description="x")], 4),
    ("auto", Literal["auto", "random"] | Path, "auto"),
    ("w.pth", Literal["auto", "random"] | Path, BASE / "w.pth"),
    ("../w.pth", Path, BASE.parent / "w.pth"),
    ("/abs/w", Path | None, Path("/abs/w").resolve()),
    (["a", "b/c"], list[Path], [BASE / "a", BASE / "b" / "c"]),
    (["a"], Path | tuple[Path, ...], (BASE / "a",)),
    ("a", Path | list[Path], BASE / "a"),
    ({"x": "a"}, dict[str, Path], {"x": BASE / "a"}),
    ([["a", 2]], list[tuple[Path, int]], [(BASE / "a", 2)]),
    ([1, 2], Sequence[int], [1, 2]),
    ({"a": 1}, Mapping[str, int], {"a": 1}),
    ({"conv1_1": 1}, tuple[Literal["conv1_1"], ...] | dict[Literal["conv1_1"], float], {"conv1_1": 1.0}),
    ("fast", Mode, Mode.FAST),
    ([1, "x"], list[Any], [1, "x"]),
    (datetime.date(2024, 1, 2), datetime.date, datetime.date(2024, 1, 2)),
    ([0.2, 1], tuple[Share, Share], (0.2, 1.0)),
]


@pytest.mark.parametrize(("value", "annotation", "wanted"), FITS, ids=str)
def test_what_fits(value: Any, annotation: Any, wanted: Any) -> None:
    assert unsupported(annotation) is None
    result = convert(value, annotation, BASE)
    assert result == wanted and type(result) is type(wanted)


def test_home_is_understood_in_paths(home: Path) -> None:
    assert convert("~/x", Path, BASE) == home / "x"


MISFITS = [
    ("x", int, "found the text 'x', expected a whole number.", ""),
    (True, int, "found true, expected a whole number.", ""),
    (2.5, int, "found 2.5, expected a whole number.", ""),
    (1, bool, "found 1, expected true or false.", ""),
    ("True", bool, "found the text 'True', expected true or false.", "Write true, without quotes."),
    ("off", bool, "found the text 'off', expected true or false.", "Write false, without quotes."),
    (".5", float, "found the text '.5', expected a number.", "Write 0.5, without quotes."),
    ("64", int, "found the text '64', expected a whole number.", "Write 64, without quotes."),
    (1, str, "found 1, expected text.", ""),
    (0, Positive, "found 0, expected a whole number >= 1.", ""),
    (2, Share, "found 2, expected a number >= 0 and <= 1.", ""),
    (-1, Annotated[int | Literal["auto"], Meta(ge=0)], "found -1, expected a whole number >= 0 or one of 'auto'.", ""),
    (
        "vallid",
        Literal["valid", "same"],
        "found the text 'vallid', expected one of 'valid', 'same'.",
        "Did you mean 'valid'?",
    ),
    ([1], tuple[int, int], "found [1], expected a list of 2: a whole number, a whole number.", ""),
    ([1, "x"], tuple[int, ...], "found [1, 'x'], expected a list, each a whole number (at [1]).", ""),
    ([1, 0], list[Positive | None], "found [1, 0], expected a list, each a whole number >= 1 (at [1]).", ""),
    (
        [["a", "x"]],
        list[tuple[Path, int]],
        "found [['a', 'x']], expected a list, each a list of 2: a path, a whole number (at [0][1]).",
        "",
    ),
    ({"a": "x"}, dict[str, int], "found a table, expected a table, each value a whole number (at [...]).", ""),
    (
        {"a": 0},
        dict[str, Positive | Path],
        "found a table, expected a table, each value a whole number >= 1 or a path (at a).",
        "",
    ),
    (5, Literal["auto"] | Path, "found 5, expected one of 'auto' or a path.", ""),
    ("a", list[Path], "found the text 'a', expected a list, each a path.", ""),
    ([], Annotated[list[Path], Meta(min_length=1)], "found [], expected a list, each a path, length >= 1.", ""),
    (
        ["conv9"],
        tuple[Literal["conv8", "conv1"], ...],
        "found ['conv9'], expected a list, each one of 'conv8', 'conv1' (at [0]).",
        "Did you mean 'conv8' or 'conv1'?",
    ),
    (3, tuple[int, int] | str, "found 3, expected a list of 2: a whole number, a whole number or text.", ""),
    (1, None, "found 1, expected nothing.", ""),
]


@pytest.mark.parametrize(("value", "annotation", "said", "hint"), MISFITS, ids=str)
def test_what_does_not_fit(value: Any, annotation: Any, said: str, hint: str) -> None:
    with pytest.raises(BadValue) as raised:
        convert(value, type(None) if annotation is None else annotation, BASE)
    assert (str(raised.value), raised.value.hint) == (said, hint)


def test_unions_that_crash_msgspec_do_not_crash_here() -> None:
    """msgspec 0.22 ends the interpreter on them, so this runs in one of its own."""
    code = f"""
from pathlib import Path
from typing import Annotated
from msgspec import Meta
from srkit.registry.values import BadValue, convert
P = Annotated[int, Meta(ge=1)]
U = P | tuple[int, int]
for one in (U, list[U], dict[str, U], tuple[U, ...]):
    for value in (0, "x", [1, 2], [0], [[1]], {{"a": [1]}}, {{"a": 0}}, 5):
        try:
            convert(value, one, Path({str(BASE)!r}))
        except BadValue:
            pass
print("whole")
"""
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=60)
    assert done.stdout == "whole\n", done.stderr


def test_long_values_are_cut() -> None:
    assert len(found("x" * 500)) == 80
    assert found({"a": 1}) == "a table"


def test_expected_in_words() -> None:
    assert expected(Annotated[Literal["a", "b"], Meta(description="x")]) == "one of 'a', 'b'"
    assert expected(float | None) == "a number"


@pytest.mark.parametrize(
    ("value", "annotation", "wanted"),
    [
        (1e3, int, 1000),
        (4.0, Annotated[int, Meta(ge=1)], 4),
        ([1e2, 3], list[int], [100, 3]),
        (1e3, float, 1000.0),
        (1e3, int | float, 1000.0),
        (2.0, int | str, 2),
    ],
)
def test_a_whole_number_may_be_written_as_one_with_a_point(value: Any, annotation: Any, wanted: Any) -> None:
    found = convert(value, annotation, Path())
    assert found == wanted and type(found) is type(wanted)


@pytest.mark.parametrize("value", [1.5, 1e300, float("inf"), float("nan"), "1e3", True])
def test_what_is_no_whole_number_is_none(value: Any) -> None:
    with pytest.raises(BadValue):
        convert(value, int, Path())
