"""What distributions require, against what is installed."""

from __future__ import annotations

from importlib import metadata

from packaging.markers import UndefinedComparison, UndefinedEnvironmentName
from packaging.requirements import InvalidRequirement, Requirement

__all__ = ["Requirements"]


class Requirements:
    """Tells which requirements are not met; each one is looked up once.

    What is installed can change while a process lasts (a notebook's does), so this is kept for the length of one
    question, such as a whole `srkit list` or a command, and no longer.
    """

    def __init__(self) -> None:
        self._known: dict[str, str] = {}

    def missing(self, requires: tuple[str, ...]) -> list[str]:
        """The requirements (extras aside) that are not installed, each with what is there instead."""
        for text in requires:
            if text not in self._known:
                self._known[text] = _why_missing(text)
        return [self._known[text] for text in requires if self._known[text]]


def _why_missing(text: str) -> str:
    """A requirement with why it is not met; empty where it is."""
    try:
        requirement = Requirement(text)
        if requirement.marker is not None and not requirement.marker.evaluate({"extra": ""}):
            return ""
        installed = metadata.version(requirement.name)
    except (InvalidRequirement, UndefinedEnvironmentName, UndefinedComparison):
        return f"{text!r}, which is not a requirement"
    except metadata.PackageNotFoundError:
        return f"{requirement.name}, which is not installed"
    if requirement.specifier.contains(installed, prereleases=True):
        return ""
    return f"{requirement.name}{requirement.specifier} (installed: {installed})"
