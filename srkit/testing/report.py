"""What the conformance kit found out about one component, in words that need no knowledge of the kit."""

from __future__ import annotations

import textwrap
from dataclasses import dataclass

from srkit.testing.rule import Result

WIDTH = 80


@dataclass(frozen=True)
class Report:
    """All rules of one component's kind, each with how it went.

    Attributes:
        kind: the kind's plural, such as `pixel_losses`.
        name: what was checked: its qualified name or the path as it was written.
        results: one for each rule, in the order in which they were tried.
    """

    kind: str
    name: str
    results: tuple[Result, ...]

    @property
    def broken(self) -> tuple[Result, ...]:
        return tuple(one for one in self.results if one.state == "broken")

    @property
    def passed(self) -> bool:
        """Whether no rule is broken. Look at `tried` too: of what cannot be built here little can be said."""
        return not self.broken

    @property
    def tried(self) -> bool:
        """Whether the component could be built and called."""
        return not self.hindrance

    @property
    def hindrance(self) -> str:
        """Why the component could not be built here (weights or data that are missing), or the empty string."""
        return next((one.what for one in self.results if one.rule == "builds" and one.state == "not tried"), "")

    def require(self) -> None:
        """Raise an AssertionError with the whole report where a rule is broken."""
        if not self.passed:
            raise AssertionError(str(self))

    def as_object(self) -> dict[str, object]:
        """For scripts."""
        rules = [
            {"rule": one.rule, "promise": one.promise, "state": one.state, "what": one.what, "fix": one.fix}
            for one in self.results
        ]
        return {"kind": self.kind, "name": self.name, "passed": self.passed, "rules": rules}

    def __str__(self) -> str:
        return "\n".join([self._headline(), *(line for one in self.results for line in _lines(one))])

    def _headline(self) -> str:
        kept = sum(one.state == "kept" for one in self.results)
        counted = sum(one.state in ("kept", "broken") for one in self.results)
        label = f"{self.kind.replace('_', ' ')} {self.name}"
        if self.passed and self.hindrance:
            return f"{label}: could not be built here"
        return f"{label}: {'ok, ' if self.passed else ''}{kept} of {counted} rules kept"


def _lines(result: Result) -> list[str]:
    """A rule's part of the report; nothing where it is kept or plainly does not apply."""
    if result.state == "kept" or (result.state == "not tried" and result.rule != "builds"):
        return []
    head = f"  {result.state} {result.rule}: {result.promise}"
    lines = _wrapped(head, "", "    ")
    labels = ("seen: ", "fix:  ") if result.state == "broken" else ("why:  ", "")
    for label, text in zip(labels, (result.what, result.fix), strict=True):
        lines += _wrapped(text, f"    {label}", " " * (4 + len(label))) if text else []
    return lines


def _wrapped(text: str, first: str, rest: str) -> list[str]:
    """Lines of at most `WIDTH` columns; a word that is longer, such as a path, stays whole."""
    return textwrap.wrap(
        text, WIDTH, initial_indent=first, subsequent_indent=rest, break_long_words=False, break_on_hyphens=False
    )
