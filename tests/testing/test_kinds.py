"""Which kind a user's own class or function is taken for: right for the built-ins, or asked for."""

from __future__ import annotations

from pathlib import Path

import click
import pytest

from srkit.errors import UserError
from srkit.registry import KINDS, Registry
from srkit.testing.kinds import kind_of

REGISTRY = Registry.installed()
ENTRIES = [one for one in REGISTRY.entries() if one.distribution == "srkit" and one.kind.is_built]


@pytest.mark.parametrize("entry", ENTRIES, ids=lambda one: f"{one.kind.plural}:{one.name}")
def test_a_built_in_is_never_taken_for_another_kind(entry) -> None:  # type: ignore[no-untyped-def]  # a case
    factory = REGISTRY.find(entry.kind, entry.qualified, Path()).factory
    try:
        found = kind_of(factory, entry.name)
    except UserError as error:
        assert "--kind" in str(error)
        return
    # pixel and feature losses are called alike
    assert found == entry.kind or {found.plural, entry.kind.plural} == {"pixel_losses", "feature_losses"}


class Misspelt:
    def srkit_step_ends(self) -> None: ...


@click.command()
def command() -> None:
    """Does nothing."""


@pytest.mark.parametrize(("factory", "plural"), [(Misspelt, "plugins"), (command, "commands")])
def test_what_is_only_loaded_is_known_too(factory: object, plural: str) -> None:
    assert kind_of(factory, "it").plural == plural


def test_the_question_names_every_kind() -> None:
    with pytest.raises(UserError) as caught:
        kind_of(object, "it")
    assert all(name in str(caught.value) for name in KINDS)
