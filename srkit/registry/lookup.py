"""The registry: a value that knows what is on offer and turns a `use` into a factory with checked options."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

from srkit.errors import nearest
from srkit.registry.discovery import ALLOW_LIST, Entry, allowed_distributions, canonical, discover
from srkit.registry.kinds import KINDS, Kind
from srkit.registry.loading import (
    OWN,
    BrokenComponent,
    Component,
    NotDeclared,
    NotFound,
    load_declared,
    load_entry,
    load_own_file,
    own_file,
)
from srkit.registry.options import ContractError, read_signature
from srkit.registry.recorded import components_of
from srkit.registry.requirements import Requirements
from srkit.registry.source import defines_plainly, definition_place
from srkit.registry.trust import Trust

__all__ = ["KINDS", "Listing", "Registry", "is_file"]

State = Literal["ok", "broken", "conflict"]


@dataclass(frozen=True)
class Listing:
    """One line of `srkit list`."""

    entry: Entry
    summary: str
    state: State
    reason: str


class Registry:
    """What is on offer. Nothing is imported before it is looked up.

    Args:
        entries: components, such as `discover()` gives them.
        trust: whose code beside theirs may be loaded; by default nobody's.
    """

    def __init__(self, entries: Iterable[Entry] = (), trust: Trust | None = None) -> None:
        self.trust = trust or Trust()
        self._entries: list[Entry] = list(entries)
        self._loaded: dict[tuple[str, str], Component] = {}
        self._requirements = Requirements()

    @classmethod
    def installed(cls, trust: Trust | None = None) -> Registry:
        """Everything that the installed distributions offer."""
        return cls(discover(), trust)

    reaches_out = True
    """Whether options may name paths, and do more than read."""

    @property
    def registered_only(self) -> Registry:
        """The same components by their registered names alone: for what a model file's header names."""
        return _RegisteredOnly(self._entries)

    def register(self, kind: Kind, distribution: str = "here", **factories: Callable[..., Any]) -> None:
        """Add components from Python: all of them, or none when one breaks its contract.

        Names are given as keyword arguments; an underscore stands for the hyphen.

        Raises:
            ContractError: one of the factories cannot be a component of this kind.
        """
        added: list[Entry] = []
        for keyword, factory in factories.items():
            if kind.is_built:
                read_signature(factory, kind)
            name = keyword.replace("_", "-")
            rivals = [one for one in [*self.entries(kind), *added] if one.name == name]
            if any(one.distribution == distribution for one in rivals):
                raise ContractError(f"{distribution} offers {name!r} of {kind.plural} twice")
            module = getattr(factory, "__module__", __name__)
            added.append(Entry(kind, name, f"{module}:{name}", distribution, "0", factory=factory))
        self._entries += added

    def entries(self, kind: Kind | None = None) -> list[Entry]:
        return [entry for entry in self._entries if kind is None or entry.kind == kind]

    def has(self, use: str) -> bool:
        """Whether a registered component of any kind answers to a name."""
        return any(_answers_to(entry, use) for entry in self._entries)

    def listings(self, kind: Kind | None = None) -> list[Listing]:
        """What `srkit list` shows, known without importing anything."""
        listings, requirements = [], Requirements()
        entries = self.entries(kind)
        named: dict[tuple[str, str], list[Entry]] = {}
        for entry in entries:
            named.setdefault((entry.kind.plural, entry.name), []).append(entry)
        for entry in entries:
            reading = entry.read(requirements)
            rivals = [one for one in named[entry.kind.plural, entry.name] if one is not entry]
            state: State = "broken" if reading.broken else "conflict" if rivals else "ok"
            reason = reading.broken
            if state == "conflict":
                reason = _conflict(entry, rivals)
            listings.append(Listing(entry, reading.summary, state, reason))
        return listings

    def built_in(self, kind: Kind, name: str) -> Component:
        """srkit's own component of that name, whatever else offers it.

        Raises:
            NotFound: it has none.
        """
        return self.find(kind, f"{OWN}:{name}", Path())

    def default_of(self, kind: Kind, name: str) -> str:
        """A name that nobody wrote, told apart from that of other distributions where srkit has it: it is srkit's."""
        rivals = [entry for entry in self.entries(kind) if entry.name == name]
        return f"{OWN}:{name}" if len(rivals) > 1 and any(entry.distribution == OWN for entry in rivals) else name

    def find(self, kind: Kind, use: str, base: Path, named_in: Iterable[Path] = ()) -> Component:
        """The component that `use` names: a registered name, `dist:name`, `package.module:Name` or `./file.py:Name`.

        Args:
            base: the folder a relative file is relative to.
            named_in: the folders of the files that have a say in what it is called with, its name included; none where
                all of that was typed.

        Raises:
            NotFound: nothing answers to the name, or two distributions do.
            Untrusted: it is own code that the user has not said yes to.
            BrokenComponent: it answers and cannot be imported.
            ContractError: it was imported and cannot be a component.
        """
        # what a name of several distributions means is for the run to say whose file has it
        depends = is_file(use) or sum(_answers_to(entry, use) for entry in self.entries(kind)) > 1
        key = (kind.plural, f"{base}|{use}" if depends else use)
        known = self._loaded.get(key)
        if known is None:
            known = self._loaded[key] = self._find(kind, use, base, tuple(named_in))
        elif known.file is not None:
            self.trust.require(known.file, named_in, known.name)
        return known

    def source_of(self, kind: Kind, use: str, base: Path) -> tuple[Path, str] | None:
        """The file in which what `use` names is written, and its name there; None where only an import can tell.

        Raises:
            NotFound: nothing answers to the name.
        """
        named = [entry for entry in self.entries(kind) if _answers_to(entry, use)]
        if len(named) == 1 and named[0].factory is None:
            return definition_place(named[0].module, named[0].attribute)
        if not named and is_file(use):
            path, attribute = own_file(kind, use, base)
            return (path, attribute) if defines_plainly(path, attribute) else None
        if not named and not _TARGET.fullmatch(use.strip()):
            raise self._not_found(kind, use)
        return None

    def _find(self, kind: Kind, use: str, base: Path, named_in: tuple[Path, ...]) -> Component:
        named = [entry for entry in self.entries(kind) if _answers_to(entry, use)]
        if len(named) > 1:
            if len({entry.qualified for entry in named}) < len(named):
                raise BrokenComponent(f"{kind.singular} {use!r}: {named[0].distribution} offers it twice")
            recorded = self._recorded(kind, named, base)
            if recorded is not None:
                return load_entry(recorded, self._requirements)
            both = " or ".join(repr(entry.qualified) for entry in named)
            raise NotFound(f"{len(named)} distributions offer the {kind.singular} {use!r}.", f"Write {both}.")
        if named:
            return load_entry(named[0], self._requirements)
        if is_file(use):
            return load_own_file(kind, use, base, named_in, self.trust)
        if _TARGET.fullmatch(use.strip()):
            try:
                return load_declared(kind, use)
            except NotDeclared as refusal:
                raise self._undeclared(kind, use, refusal) from None
        raise self._not_found(kind, use)

    def _recorded(self, kind: Kind, named: list[Entry], base: Path) -> Entry | None:
        """Of several that offer a name, the one that the run took whose file says it: its manifest knows.

        A file that an earlier srkit wrote has plain names, which were clear until another distribution was installed.
        """
        taken = components_of(base)
        found = [entry for entry in named if entry.qualified in taken]
        if len(found) == 1:
            return found[0]
        # a run's file, which has a name that its manifest does not: of a stage's own degradation, of a run to come
        return next((entry for entry in named if taken and entry.distribution == OWN), None)

    def _undeclared(self, kind: Kind, use: str, refusal: NotDeclared) -> NotFound:
        """What is said of a module that no installed package has, or of what its author did not offer."""
        module, _, attribute = use.partition(":")
        entry = next((one for one in self.entries(kind) if one.target.replace(" ", "") == use), None)
        what = f"no {kind.singular} {use!r}:"
        if entry is not None:
            return NotFound(f"{what} it goes by its registered name.", f"Write {entry.qualified!r}.")
        if canonical(module) in {canonical(entry.distribution) for entry in self._entries} and not refusal.kinds:
            return self._not_found(kind, use)
        if refusal.source is None:
            message = f"{what} there is neither a distribution nor a module {module!r} of an installed one."
            return NotFound(message, self._all(kind))
        kinds = " and ".join(refusal.kinds)
        declared = f"declared as one of the {kinds}" if kinds else "not declared as a component"
        return NotFound(
            f"{what} it is {declared} in {refusal.source}.",
            f'Its author writes @srkit.component("{kind.plural}") above {attribute}, or registers an entry point.',
        )

    def _not_found(self, kind: Kind, use: str) -> NotFound:
        names = [entry.name for entry in self.entries(kind)] + [entry.qualified for entry in self.entries(kind)]
        where = f"Searched the {len(self.entries(kind))} registered {kind.plural.replace('_', ' ')}"
        allowed = allowed_distributions()
        if allowed is not None:
            where += f" ({ALLOW_LIST} limits them to: {', '.join(sorted(allowed)) or 'built-ins'})"
        if use.endswith(".py"):
            return NotFound(f"no {kind.singular} {use!r}.", f"A file is followed by what to take from it: {use}:Name.")
        elsewhere = dict.fromkeys(one.kind.singular.replace("_", " ") for one in self._entries if _answers_to(one, use))
        other = f"It is the name of a {' and a '.join(elsewhere)}." if elsewhere else ""
        hint = " ".join(part for part in (nearest(use, names), other, self._all(kind)) if part)
        return NotFound(f"no {kind.singular} {use!r}. {where}.", hint)

    @staticmethod
    def _all(kind: Kind) -> str:
        return f"`srkit list {kind.plural}` shows all."


class _RegisteredOnly(Registry):
    """A registry that never loads a file or an unregistered module, and lets no option lead to a file."""

    reaches_out = False

    def _find(self, kind: Kind, use: str, base: Path, named_in: tuple[Path, ...]) -> Component:
        if any(_answers_to(entry, use) for entry in self.entries(kind)):
            return super()._find(kind, use, base, named_in)
        raise self._not_found(kind, use)

    def _recorded(self, kind: Kind, named: list[Entry], base: Path) -> Entry | None:
        """A file's header holds qualified names; where an earlier srkit wrote a plain one, it meant its own."""
        return super()._recorded(kind, named, base) or next((one for one in named if one.distribution == OWN), None)


_TARGET = re.compile(r"[^\W\d][\w.-]*:[^\W\d][\w.]*")


def _answers_to(entry: Entry, use: str) -> bool:
    """Whether a `use` is the entry's name or its qualified one, the distribution written in any of its forms."""
    distribution, colon, name = use.partition(":")
    if not colon:
        return use == entry.name
    return name == entry.name and canonical(distribution) == canonical(entry.distribution)


def _conflict(entry: Entry, rivals: list[Entry]) -> str:
    others = [one.qualified for one in rivals if one.qualified != entry.qualified]
    if not others:
        return f"{entry.distribution} offers it twice"
    return f"also offered as {', '.join(others)}: write the qualified name"


def is_file(use: str) -> bool:
    """Whether a `use` names a file of one's own."""
    return use.rpartition(":")[0].endswith(".py")
