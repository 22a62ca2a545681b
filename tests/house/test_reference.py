"""The documents' generated tables say what the code says."""

from __future__ import annotations

import pytest

from tests.house.reference import DOCUMENTS, REGIONS, REWRITE, renewed, stale


def test_generated_tables_are_fresh() -> None:
    assert not stale(), f"generated tables are stale. Run: {REWRITE}"


def test_every_region_stands_in_a_document() -> None:
    text = "".join(path.read_text(encoding="utf-8") for path in DOCUMENTS)
    assert [name for name in REGIONS if f"<!-- generated: {name} -->" not in text] == []


def test_only_what_stands_between_the_marks_is_rewritten() -> None:
    text = "before\n<!-- generated: commands -->\nold\n<!-- end -->\nafter\n"
    fresh = renewed(text)
    assert fresh.startswith("before\n<!-- generated: commands -->\n") and fresh.endswith("<!-- end -->\nafter\n")
    assert "\nold\n" not in fresh and "`srkit run`" in fresh
    assert renewed(fresh) == fresh


def test_an_unknown_region_is_an_error() -> None:
    with pytest.raises(KeyError):
        renewed("<!-- generated: nothing -->\n<!-- end -->")
