"""What is searched: `--param KEY=32,64` and `--param KEY=1e-5..1e-3`, as values and as settings of an experiment."""

from __future__ import annotations

import json
import math
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import tomli

from srkit.errors import UserError

PARAM = "--param"
DECADE = 10.0
"""A range whose ends are at least this many times apart is searched on a logarithmic scale."""

MAX_COMBINATIONS = 10_000
"""Up to this many combinations are counted, so that none is tried twice."""

_NUMBER = r"[+-]?\d+(?:\.\d+)?(?:[eE][+-]?\d+)?"
_RANGE = re.compile(rf"\s*({_NUMBER})\s*\.\.\s*({_NUMBER})\s*")
_WHOLE = re.compile(r"[+-]?\d+")


@dataclass(frozen=True)
class Choices:
    """One of several values; any that an experiment file can hold."""

    key: str
    values: tuple[Any, ...]

    @property
    def labels(self) -> list[Any]:
        """What stands for each value in Optuna, which knows no lists and tables."""
        return [one if isinstance(one, (bool, int, float, str)) else toml_text(one) for one in self.values]

    def value(self, label: Any) -> Any:
        """The value that a label stands for."""
        return self.values[self.labels.index(label)]

    def probes(self) -> tuple[Any, ...]:
        """Values that show whether the experiment can take all of them."""
        return self.values

    def count(self) -> float:
        """How many values there are."""
        return len(self.values)

    def __str__(self) -> str:
        return ", ".join(str(one) for one in self.labels)


@dataclass(frozen=True)
class Range:
    """Everything from `low` to `high`, both included; whole numbers where `whole` says so."""

    key: str
    low: float
    high: float
    whole: bool

    @property
    def is_log(self) -> bool:
        return self.low > 0 and self.high / self.low >= DECADE

    def value(self, label: Any) -> Any:
        """The value as the experiment takes it: 64 and not 64.0 where it takes whole numbers."""
        return int(label) if self.whole else float(label)

    def probes(self) -> tuple[Any, ...]:
        """Its ends: values that show whether the experiment can take all of them."""
        return (self.value(self.low), self.value(self.high))

    def count(self) -> float:
        """How many values there are."""
        return self.high - self.low + 1 if self.whole else math.inf

    def __str__(self) -> str:
        low, high = self.probes()
        kind = "whole numbers" if self.whole else "any number"
        return f"{low:g} to {high:g}, {kind}, {'log' if self.is_log else 'linear'} scale"


Parameter = Choices | Range
Space = Sequence[Parameter]


def parse_parameters(texts: Sequence[str]) -> list[Parameter]:
    """The parameters of a command line, in its order.

    Raises:
        UserError: one that cannot be read, or a key that is there twice.
    """
    space = [parse_parameter(text) for text in texts]
    keys = [one.key for one in space]
    twice = next((key for key in keys if keys.count(key) > 1), None)
    if twice is not None:
        raise UserError(f"{PARAM} {twice}: it is given twice; write all of its values in one, {twice}=A,B,C")
    return space


def parse_parameter(text: str) -> Parameter:
    """`KEY=A,B,C` or `KEY=LOW..HIGH`; the values are TOML, a bare word is a string.

    Raises:
        UserError: there is no key, no value, only one, one twice, or a range that ends below its beginning.
    """
    key, equals, written = (part.strip() for part in text.partition("="))
    if not equals or not key or not written:
        raise UserError(
            f"{PARAM} {text!r}: expected KEY=VALUE,VALUE or KEY=LOW..HIGH, "
            "such as generator.channels=32,64 or lr=1e-5..1e-3"
        )
    if match := _RANGE.fullmatch(written):
        return _range(key, *match.groups())
    if ".." in written and not re.search(r"[,/\\\"'\[{]", written):
        raise UserError(f"{PARAM} {key}: {written!r} is no range of two numbers, such as 1e-5..1e-3")
    values = _values(written)
    if len(values) < 2:
        raise UserError(f"{PARAM} {key}: one value is no search. Write several, {key}=A,B, or --set {key}={written}")
    repeated = next((one for index, one in enumerate(values) if one in values[:index]), None)
    if repeated is not None:
        raise UserError(f"{PARAM} {key}: {repeated!r} is there twice")
    return Choices(key, tuple(values))


def _range(key: str, low: str, high: str) -> Range:
    whole = bool(_WHOLE.fullmatch(low) and _WHOLE.fullmatch(high))
    if float(low) >= float(high) or not math.isfinite(float(high)):
        raise UserError(f"{PARAM} {key}: the range {low}..{high} has to end above its beginning")
    return Range(key, float(low), float(high), whole)


def _values(written: str) -> list[Any]:
    """The values of a list: TOML where all of it is, else each part by itself, or the bare word that it is."""
    try:
        parsed = tomli.loads(f"values = [{written}]")
    except (ValueError, RecursionError):
        return [_value(part.strip()) for part in written.split(",")]
    return list(parsed["values"])


def _value(part: str) -> Any:
    try:
        return tomli.loads(f"value = {part}")["value"]
    except (ValueError, RecursionError):
        return part


def size(space: Space) -> float:
    """How many combinations there are; infinite where a parameter takes any number."""
    return math.prod(one.count() for one in space)


def settings(space: Space, values: Mapping[str, Any]) -> list[str]:
    """KEY=VALUE for each parameter, as `--set` takes it."""
    return [f"{one.key}={toml_text(values[one.key])}" for one in space]


def toml_text(value: Any) -> str:
    """A value as it stands behind an equals sign in TOML."""
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, Mapping):
        return "{ " + ", ".join(f"{json.dumps(key)} = {toml_text(one)}" for key, one in value.items()) + " }"
    if isinstance(value, (list, tuple)):
        return "[" + ", ".join(map(toml_text, value)) + "]"
    return json.dumps(value, ensure_ascii=False) if isinstance(value, str) else str(value)
