"""What is wrong with an experiment as far as the components' sources tell: typos, answered before torch is imported."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from srkit.experiment.picks import Pick, Picking, pick_all
from srkit.experiment.plan import Reading
from srkit.experiment.tree import TreePath
from srkit.experiment.typed import Typing
from srkit.registry import Kind, NotFound, Registry, Untrusted
from srkit.registry.lookup import is_file

__all__ = ["foresee"]


def foresee(reading: Reading, registry: Registry) -> bool:
    """Hold names, options and plain values against the sources; what is wrong joins the reading's problems.

    Returns:
        Whether anything is wrong with the file by now: then no component need be imported to say so.
    """
    source = _FromSource(reading.typing, registry)
    pick_all(reading.experiment, source, reading.typing.is_faulty)
    if reading.problems:
        source.require_trust()
    return bool(reading.problems)


class _FromSource(Picking):
    """Looks components up without importing one.

    Attributes:
        own: the files of own code that were read, and what is meant in each, by where they are named.
    """

    def __init__(self, typing: Typing, registry: Registry) -> None:
        super().__init__(typing, registry)
        self.own: dict[TreePath, tuple[Path, str]] = {}

    def require_trust(self) -> None:
        """Say of which own code it is not known that it may be loaded."""
        for path, (file, attribute) in self.own.items():
            try:
                self.registry.trust.require(file, self.typing.tree.folders(path), attribute)
            except Untrusted as error:
                self.typing.add((*path, "use"), error.message, error.hint)

    def pick(self, kind: Kind, use: str, options: dict[str, Any], path: TreePath) -> Pick | None:
        """Nothing but problems: without the code there is no component."""
        base = self.typing.tree.origin((*path, "use")).folder
        name = use if self._is_written(use, path) else self.registry.default_of(kind, use)
        try:
            place = self.registry.source_of(kind, name, base)
        except NotFound:
            return super().pick(kind, use, options, path)  # which finds nothing either, and says so
        if place is not None:
            if is_file(name):
                self.own[path] = place
            self._read_options(*place, use.rpartition(":")[2], kind, options, path)
        return None
