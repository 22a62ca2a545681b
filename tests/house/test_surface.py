"""The public surface changes only on purpose."""

from __future__ import annotations

import difflib

from tests.house.surface import RECORD, REWRITE, rendered


def test_the_public_surface_is_what_was_recorded() -> None:
    recorded, found = RECORD.read_text(encoding="utf-8"), rendered()
    changes = difflib.unified_diff(recorded.splitlines(), found.splitlines(), "recorded", "found", lineterm="", n=2)
    said = "\n".join(changes)
    assert not said, f"the public surface changed:\n{said}\nIf that is meant: {REWRITE}, and a line in CHANGELOG.md"
