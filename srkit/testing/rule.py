"""What a rule of the conformance kit is, and how trying it can end."""

from __future__ import annotations

import pickle
from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal

from srkit.errors import in_short

if TYPE_CHECKING:
    from srkit.testing.subject import Subject

State = Literal["kept", "broken", "excused", "not tried"]


class Broken(Exception):
    """A rule does not hold.

    Args:
        what: what was seen, as a sentence.
        fix: what to write instead.
    """

    def __init__(self, what: str, fix: str = "") -> None:
        self.what, self.fix = what, fix
        super().__init__(f"{what} {fix}".strip())


class NotTried(Exception):
    """A rule does not apply here, or cannot be tried; the message says why."""


@dataclass(frozen=True)
class Rule:
    """One promise of the contract and the way to find out whether it is kept.

    Attributes:
        name: what a report and `Claims.excused` call it.
        promise: what holds, as a sentence.
        probe: tries it; raises `Broken` or `NotTried`.
        needs: rules that have to hold before this one says anything.
    """

    name: str
    promise: str
    probe: Callable[[Subject], None]
    needs: tuple[str, ...] = ("runs",)


@dataclass(frozen=True)
class Result:
    """How trying one rule ended; `what` and `fix` are sentences, empty where all is well."""

    rule: str
    promise: str
    state: State
    what: str = ""
    fix: str = ""


def sent_to_a_worker(built: Any, advice: str) -> Any:
    """A copy of an object as a loader's worker gets it.

    Raises:
        Broken: it cannot be pickled; with the advice.
    """
    try:
        return pickle.loads(pickle.dumps(built))  # our own bytes, written a moment ago
    except Exception as error:
        why = f"It cannot be pickled ({in_short(error)}), so it cannot go to the loader's workers."
        raise Broken(why, advice) from error
