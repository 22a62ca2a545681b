"""What is wrong with an experiment as far as the components' sources tell: typos, answered before torch is imported."""

from __future__ import annotations

from typing import Any

from srkit.experiment.picks import Pick, Picking, pick_all
from srkit.experiment.plan import Reading
from srkit.experiment.tree import TreePath
from srkit.registry import Kind, NotFound, Registry

__all__ = ["foresee"]


def foresee(reading: Reading, registry: Registry) -> bool:
    """Hold names, options and plain values against the sources; what is wrong joins the reading's problems.

    Returns:
        Whether anything is wrong with the file by now: then no component need be imported to say so.
    """
    pick_all(reading.experiment, _FromSource(reading.typing, registry), reading.typing.is_faulty)
    return bool(reading.problems)


class _FromSource(Picking):
    """Looks components up without importing one."""

    def pick(self, kind: Kind, use: str, options: dict[str, Any], path: TreePath) -> Pick | None:
        """Nothing but problems: without the code there is no component."""
        base = self.typing.tree.origin((*path, "use")).folder
        name = use if self._is_written(use, path) else self.registry.default_of(kind, use)
        try:
            place = self.registry.source_of(kind, name, base)
        except NotFound:
            return super().pick(kind, use, options, path)  # which finds nothing either, and says so
        if place is not None:
            self._read_options(*place, use.rpartition(":")[2], kind, options, path)
        return None
