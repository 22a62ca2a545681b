"""Which components a run took, by its manifest: what a plain name meant when it was written."""

from __future__ import annotations

import json
from pathlib import Path

from srkit.plain_files import plain_text

__all__ = ["components_of"]

MANIFEST = "manifest.json"
"""As `srkit.training.folder` writes it, in a run's folder."""


def components_of(folder: Path) -> frozenset[str]:
    """The qualified names in a run's manifest; none where the folder is no run's, or the file is damaged.

    They only decide between distributions that are installed and offer one name.
    """
    try:
        named = json.loads(plain_text(folder / MANIFEST))["components"]
        return frozenset(one for one in named if isinstance(one, str))
    except (OSError, ValueError, KeyError, TypeError, RecursionError):
        return frozenset()
