"""Rules on how a component is written: options that are documented and fit, imports without work. For every kind."""

from __future__ import annotations

import inspect
import warnings
from pathlib import Path
from typing import Any

import msgspec

from srkit.errors import OptionError
from srkit.registry import ContractError
from srkit.registry.values import BadValue, convert
from srkit.shared_state import SharedStateChanged
from srkit.testing.globals import random_states, settings, unusual_streams
from srkit.testing.imports import SECONDS, ImportFacts
from srkit.testing.rule import Broken, NotTried, Rule
from srkit.testing.subject import Subject

__all__ = ["WRITTEN", "import_rules"]


def _is_documented(subject: Subject) -> None:
    factory = subject.pick.component.factory
    if not (inspect.getdoc(factory) or "").strip():
        raise Broken("It has no docstring.", "Its first sentence is what `srkit list` shows.")
    bare = [one.name for one in subject.pick.component.signature.options if not one.doc]
    if bare:
        raise Broken(
            f"Nothing is said about {', '.join(map(repr, bare))}.",
            f"Write an `Args:` section into the docstring, with a line such as '{bare[0]}: what it is for.'",
        )


def _defaults_fit(subject: Subject) -> None:
    for option in subject.pick.component.signature.options:
        if option.required or option.nested is not None or option.default is None:
            continue
        written: Any = option.default
        try:
            written = msgspec.to_builtins(option.default, enc_hook=str)
            convert(written, option.annotation, Path())
        except (BadValue, TypeError) as error:
            raise Broken(
                f"The default of '{option.name}' is {written!r}, which its own type refuses: {error}",
                "Change the default or the annotation.",
            ) from None


def _builds(subject: Subject) -> None:
    with unusual_streams():
        _builds_quietly(subject)


def _builds_quietly(subject: Subject) -> None:
    before = random_states(torch_too=False) | settings()
    try:
        with warnings.catch_warnings(record=True) as said:
            warnings.simplefilter("always", SharedStateChanged)
            subject.build()
    except OptionError as error:
        if isinstance(error.__cause__, ContractError):
            raise Broken(f"{error.why}.") from None
        if error.key in subject.pick.component.kind.given:
            raise Broken(
                f"It refuses whatever the kit gives it: {error}", "Build at scale 2, or with 4 channels."
            ) from None
        raise NotTried(f"It cannot be built here: {error}") from None
    after = random_states(torch_too=False) | settings()
    changed = [name for name in before if before[name] != after[name]]
    if changed:
        raise Broken(
            f"Building it changes {', '.join(changed)}, which the whole process shares.",
            _OWN_STREAMS,
        )
    meddled = [str(one.message) for one in said if issubclass(one.category, SharedStateChanged)]
    if meddled:
        raise Broken(f"{meddled[0]}.", _OWN_STREAMS)


_OWN_STREAMS = "Draw from a generator of its own (torch.Generator(), random.Random()), and set nothing for all."

WRITTEN = (
    Rule("documented", "its docstring says what it is and explains each option", _is_documented, ()),
    Rule("defaults", "every default is a value that an experiment file could hold", _defaults_fit, ()),
    Rule("builds", "it can be built from its options and changes nothing global by that", _builds, ()),
)


def import_rules(facts: ImportFacts) -> tuple[Rule, ...]:
    """The rules on the import of the component's module, of which the facts are known."""

    def is_quiet(subject: Subject) -> None:
        if facts.failed:
            raise Broken(f"Imported on its own, its module fails: {facts.failed}.")
        if facts.changed:
            raise Broken(f"Importing its module changes {', '.join(facts.changed)}.", _LATER)
        if facts.said:
            raise Broken(f"Importing its module prints {facts.said.strip().splitlines()[0]!r}.", _LATER)

    def is_quick(subject: Subject) -> None:
        if facts.failed:
            raise NotTried("the import fails")
        if facts.seconds > SECONDS:
            raise Broken(
                f"Importing its module takes {facts.seconds:.1f} seconds beside torch's own; {SECONDS:g} are borne.",
                "Import what is slow inside of the function that needs it.",
            )

    return (
        Rule("import-quiet", "importing its module does no work", is_quiet, ()),
        Rule("import-quick", "importing its module takes no time", is_quick, ()),
    )


_LATER = "Do it when the component is built or called, not when its module is imported."
