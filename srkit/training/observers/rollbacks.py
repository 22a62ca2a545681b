"""Rollbacks on record: said to the user, and kept in the manifest."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import asdict

from srkit.hooks import hookimpl
from srkit.training.folder import record
from srkit.training.run import Run


class Rollbacks:
    """Tells of each return to a checkpoint.

    Args:
        notice: is handed the sentence.
    """

    def __init__(self, notice: Callable[[str], None]) -> None:
        self.notice = notice

    @hookimpl
    def srkit_rolled_back(self, run: Run, reason: str) -> None:
        record(run.folder, "rollbacks", [asdict(one) for one in run.rollbacks])
        self.notice(f"warning: {reason}")
