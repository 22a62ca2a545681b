"""A row of the table: one hostile input, how it is made, and what is said of it."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

from tests.campaigns.table.ground import Ground

__all__ = ["ANY", "BRIEFLY", "Given", "Row"]

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
    """

    name: str
    kind: str
    make: Callable[[Ground], Given]
    says: str = ""
    codes: Mapping[str, tuple[int, ...]] = field(default_factory=dict)
    seconds: float = 30.0
    in_suite: tuple[str, ...] = ()
