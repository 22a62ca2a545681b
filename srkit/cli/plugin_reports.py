"""The reports of `srkit plugin check` as they are shown: each as soon as it is there, and a line at the end."""

from __future__ import annotations

import json
from collections.abc import Iterable

from srkit.cli.saying import say, say_document
from srkit.testing import Report

__all__ = ["show"]


def show(reports: Iterable[Report], as_json: bool) -> bool:
    """Print them; whether no rule is broken."""
    seen: list[Report] = []
    for report in reports:
        seen.append(report)
        if not as_json:
            say(*str(report).split("\n"))
    if as_json:
        say_document(json.dumps([one.as_object() for one in seen], indent=1))
    else:
        say(_summary(seen))
    return all(one.passed for one in seen)


def _summary(reports: list[Report]) -> str:
    broken = sum(not one.passed for one in reports)
    unknown = sum(one.passed and not one.tried for one in reports)
    count = f"{len(reports)} component{'s' if len(reports) != 1 else ''}"
    words = [f"{broken} with broken rules" if broken else "no rule broken"]
    if unknown:
        words.append(f"{unknown} could not be built here")
    return f"{count}: {', '.join(words)}"
