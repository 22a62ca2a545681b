"""Types and nested components of options as sources have them equal those that the code itself gives."""

from __future__ import annotations

from pathlib import Path

import pytest

from srkit.registry import Registry
from srkit.registry.discovery import Entry
from srkit.registry.source_options import read_source_component
from srkit.registry.source_types import nested_in_source, plain_type

ENTRIES = [one for one in Registry.installed().entries() if one.kind.is_built]


@pytest.mark.parametrize("entry", ENTRIES, ids=lambda one: f"{one.kind.plural}-{one.name}")
def test_every_component_of_srkit_s_is_read_as_it_is(entry: Entry) -> None:
    registry = Registry.installed()
    place = registry.source_of(entry.kind, entry.qualified, Path())
    assert place is not None
    read = read_source_component(*place, entry.kind)
    assert read is not None
    assert read.options is not None
    real = registry.find(entry.kind, entry.qualified, Path()).signature.options
    assert {one.name for one in read.options} == {one.name for one in real}
    for one in read.options:
        known = next(other for other in real if other.name == one.name)
        assert (one.default is None) == known.required
        assert (one.nested or (None, False)) == (known.nested, known.many)
        if known.nested is None and one.plain_type is not None:
            assert one.plain_type == known.annotation


def test_what_only_the_code_can_tell_has_no_plain_type() -> None:
    for written in ("Sizes", "list[Sizes]", "Annotated[int, Meta(le=MOST)]", "int +", "Literal[SOME]", "torch.dtype"):
        assert plain_type(written) is None
        assert nested_in_source(written) is None


def test_a_decorated_or_replaced_definition_is_left_to_its_import(tmp_path: Path) -> None:
    registry = Registry()
    kind = ENTRIES[0].kind
    (tmp_path / "own.py").write_text(
        "@wrapped\nclass One:\n    def __init__(self, *, scale: int, a: int = 1) -> None: ...\n"
        "class Two:\n    def __init__(self, *, scale: int, a: int = 1) -> None: ...\nTwo = changed(Two)\n"
        "class Three:\n    def __init__(self, *, scale: int, a: int = 1) -> None: ...\n",
        encoding="utf-8",
    )
    assert registry.source_of(kind, "./own.py:One", tmp_path) is None
    assert registry.source_of(kind, "./own.py:Two", tmp_path) is None
    assert registry.source_of(kind, "./own.py:Three", tmp_path) == (tmp_path / "own.py", "Three")
