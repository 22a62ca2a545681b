"""Which components a run took, by its manifest: what a plain name meant when it was written."""

from __future__ import annotations

import json
from pathlib import Path

from srkit.plain_files import plain_text

__all__ = ["components_of"]

MANIFEST = "manifest.json"
"""As `srkit.training.folder` writes it, in a run's folder."""

STUDY = "study"
"""As `srkit.studies.folder` calls what a study keeps of its runs' files."""


def components_of(folder: Path) -> frozenset[str]:
    """The qualified names in a run's manifest; none where the folder is no run's, or the file is damaged.

    They only decide between distributions that are installed and offer one name.
    """
    places = [folder]
    if folder.parent.name == STUDY:  # what a study is to run lies apart from the folder that it runs in
        places.append(folder.parent.parent / folder.name)
    for place in places:
        try:
            named = json.loads(plain_text(place / MANIFEST))["components"]
            return frozenset(one for one in named if isinstance(one, str))
        except (OSError, ValueError, KeyError, TypeError, RecursionError):
            continue
    return frozenset()
