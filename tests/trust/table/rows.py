"""A row of the table: one hostile input, how it is made, and what is said of it."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field, replace

from tests.trust.table.ground import Ground

__all__ = ["ANY", "BRIEFLY", "Given", "Row", "kin", "suite"]

ANY = (0, 2)
"""The command may do without what is hostile, or refuse it."""

BRIEFLY = ("run", "check --json", "srkit.run")
"""What the suite tries of an experiment whose kin were tried by all commands."""


@dataclass(frozen=True)
class Given:
    """What is handed over: a path or a name, and values for `--set`."""

    input: str
    settings: tuple[str, ...] = ()


@dataclass(frozen=True)
class Row:
    """One hostile input.

    Attributes:
        name: in a few words.
        kind: which commands read it, a key of `COMMANDS`.
        make: makes it in a ground.
        says: what a refusal has in it.
        codes: commands' names -> what they may end with, where it is not what commands of this kind usually do; "*"
            for all others.
        seconds: what no command may take longer than.
        in_suite: commands' names that the suite tries, the others being left to the campaign; empty for all.
        in_campaign_only: whether the suite leaves it out; its kin are in there.
    """

    name: str
    kind: str
    make: Callable[[Ground], Given]
    says: str = ""
    codes: Mapping[str, tuple[int, ...]] = field(default_factory=dict)
    seconds: float = 30.0
    in_suite: tuple[str, ...] = ()
    in_campaign_only: bool = False


def kin(rows: Iterable[Row], suite: int) -> tuple[Row, ...]:
    """Rows that differ in little: the suite plays the first of them, the campaign all."""
    return tuple(replace(row, in_campaign_only=number >= suite) for number, row in enumerate(rows))


def suite(rows: Iterable[Row]) -> list[Row]:
    """What the suite plays of a table's rows."""
    return [row for row in rows if not row.in_campaign_only]
