"""Whose code may be loaded: what the user installed, and files that the user said yes to."""

from __future__ import annotations

from dataclasses import dataclass

__all__ = ["Trust"]


@dataclass(frozen=True)
class Trust:
    """What a user lets srkit load beside installed packages.

    Attributes:
        everything: `--trust` was given: own code and programs in files are loaded without a question.
    """

    everything: bool = False
