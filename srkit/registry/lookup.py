"""The registry: a value that knows what is on offer and turns a `use` into a factory with checked options."""

from __future__ import annotations

import importlib
import re
import sys
import traceback
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from types import ModuleType
from typing import Any, Literal

from srkit.errors import UserError, nearest
from srkit.registry import files
from srkit.registry.declared import declared_kinds, owned_source
from srkit.registry.declaring import DECLARED
from srkit.registry.discovery import ALLOW_LIST, Entry, allowed_distributions, canonical, discover
from srkit.registry.files import content_digest, load_file
from srkit.registry.fitness import require_fit
from srkit.registry.kinds import KINDS, Kind
from srkit.registry.options import ContractError, Signature, read_signature
from srkit.registry.own_code import is_network_path
from srkit.registry.requirements import Requirements
from srkit.registry.source import find_spec, parse_source
from srkit.registry.trust import Trust

State = Literal["ok", "broken", "conflict"]


@dataclass(frozen=True)
class Listing:
    """One line of `srkit list`."""

    entry: Entry
    summary: str
    state: State
    reason: str


@dataclass(frozen=True)
class Component:
    """A component that was looked up: its factory, loaded, and where it came from.

    Attributes:
        kind: its kind.
        use: what finds exactly this component again (the qualified name, or the path as it was written).
        name: the short name, which entries of an experiment are called by default.
        factory: the class or function.
        distribution: the distribution's name, or the file or module it was loaded from.
        version: that distribution's version, or the first digits of the file's hash.
        file: the `.py` file for `./file.py:Name`, else None.
        must_say: whether a function has to say what it gives: no entry point says so already.
    """

    kind: Kind
    use: str
    name: str
    factory: Callable[..., Any]
    distribution: str
    version: str
    file: Path | None = None
    must_say: bool = False

    @cached_property
    def signature(self) -> Signature:
        return read_signature(self.factory, self.kind)

    def build(self, **arguments: Any) -> Any:
        """Call the factory, if it can give a component of its kind.

        Raises:
            ContractError: it cannot, or it has to give a torch module, and does not.
        """
        try:
            require_fit(self.factory, self.kind, must_say=self.must_say)
        except ContractError as error:
            raise ContractError(f"{self.kind.singular.replace('_', ' ')} {self.use}: {error}") from None
        built = self.factory(**arguments)
        if self.kind.is_network and not hasattr(built, "named_parameters"):
            given = type(built).__name__
            raise ContractError(
                f"{self.kind.singular} {self.use}: it gives a {given}, which is no torch module. Write class "
                f"{given}(torch.nn.Module) with a forward() and super().__init__()"
            )
        return built


class NotFound(UserError):
    """No component answers to a `use`. `hint` names the nearest ones."""

    def __init__(self, message: str, hint: str = "") -> None:
        self.message, self.hint = message, hint
        super().__init__(f"{message} {hint}".strip())


class BrokenComponent(UserError):
    """A component was found and cannot be loaded; the message names its distribution and the cause."""


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

    @classmethod
    def installed(cls, trust: Trust | None = None) -> Registry:
        """Everything that the installed distributions offer."""
        return cls(discover(), trust)

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
        key = (kind.plural, use if not _is_file(use) else f"{base}|{use}")
        known = self._loaded.get(key)
        if known is None:
            known = self._loaded[key] = self._find(kind, use, base, tuple(named_in))
        elif known.file is not None:
            self.trust.require(known.file, named_in, known.name)
        return known

    def _find(self, kind: Kind, use: str, base: Path, named_in: tuple[Path, ...]) -> Component:
        named = [entry for entry in self.entries(kind) if _answers_to(entry, use)]
        if len(named) > 1:
            if len({entry.qualified for entry in named}) < len(named):
                raise BrokenComponent(f"{kind.singular} {use!r}: {named[0].distribution} offers it twice")
            both = " or ".join(repr(entry.qualified) for entry in named)
            raise NotFound(f"{len(named)} distributions offer the {kind.singular} {use!r}.", f"Write {both}.")
        if named:
            return _load_entry(named[0])
        if _is_file(use):
            return self._load_file(kind, use, base, named_in)
        if _TARGET.fullmatch(use.strip()):
            return self._load_target(kind, use)
        raise self._not_found(kind, use)

    def _load_file(self, kind: Kind, use: str, base: Path, named_in: tuple[Path, ...]) -> Component:
        written, _, attribute = use.rpartition(":")
        if is_network_path(written):
            raise NotFound(
                f"no {kind.singular} {use!r}: code is never loaded from another machine.",
                "Copy the file here, and read it.",
            )
        path = (base / Path(written).expanduser()).resolve()
        if not path.is_file() or is_network_path(str(path)):
            raise NotFound(f"no {kind.singular} {use!r}: there is no file {path}.")
        self.trust.require(path, named_in, attribute)
        try:
            module = load_file(path)
        except (Exception, SystemExit) as error:
            raise BrokenComponent(f"{kind.singular} {use}: {_cause(error)}") from error
        factory = _attribute(module, attribute, use, str(path))
        return _checked(Component(kind, use, attribute, factory, str(path), content_digest(path), path, must_say=True))

    def _load_target(self, kind: Kind, use: str) -> Component:
        """A class or function that an installed package declares as a component where it is written."""
        module_name, _, attribute = (part.strip() for part in use.partition(":"))
        source = owned_source(module_name)
        if source is None:
            raise self._nothing_there(kind, use, module_name)
        tree = parse_source(source)
        if isinstance(tree, str):
            raise BrokenComponent(f"{kind.singular} {use}: {tree}")
        kinds = declared_kinds(tree, attribute)
        if kind.plural not in kinds:
            raise self._undeclared(kind, use, source, kinds)
        found = _would_import(module_name)
        if found is None or not source.samefile(found):
            raise BrokenComponent(f"{kind.singular} {use}: {found} hides the installed {source}; rename it or move it")
        try:
            module = importlib.import_module(module_name)
        except (Exception, SystemExit) as error:
            raise BrokenComponent(f"{kind.singular} {use}: {_cause(error)}") from error
        factory = _attribute(module, attribute, use)
        if kind.plural not in getattr(factory, "__dict__", {}).get(DECLARED, ()):
            raise self._undeclared(kind, use, source, ())
        version = getattr(module, "__version__", "")
        return _checked(Component(kind, use, attribute, factory, module_name, str(version), must_say=True))

    def _nothing_there(self, kind: Kind, use: str, module: str) -> NotFound:
        """What is said where neither a distribution nor a module of an installed one answers."""
        if canonical(module) in {canonical(entry.distribution) for entry in self._entries}:
            return self._not_found(kind, use)
        return NotFound(
            f"no {kind.singular} {use!r}: there is neither a distribution nor a module {module!r} of an installed one.",
            self._all(kind),
        )

    def _undeclared(self, kind: Kind, use: str, source: Path, kinds: Iterable[str]) -> NotFound:
        """What is said of a module's content that its author did not offer as such a component."""
        module, _, attribute = use.partition(":")
        entry = next((one for one in self.entries(kind) if one.target.replace(" ", "") == use), None)
        if entry is not None:
            return NotFound(
                f"no {kind.singular} {use!r}: it goes by its registered name.", f"Write {entry.qualified!r}."
            )
        if canonical(module) in {canonical(entry.distribution) for entry in self._entries} and not kinds:
            return self._not_found(kind, use)
        declared = (
            f"it is declared as one of the {' and '.join(kinds)}" if kinds else "it is not declared as a component"
        )
        return NotFound(
            f"no {kind.singular} {use!r}: {declared} in {source}.",
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
    """A registry that never loads a file or an unregistered module."""

    def _find(self, kind: Kind, use: str, base: Path, named_in: tuple[Path, ...]) -> Component:
        if any(_answers_to(entry, use) for entry in self.entries(kind)):
            return super()._find(kind, use, base, named_in)
        raise self._not_found(kind, use)


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


def _is_file(use: str) -> bool:
    return use.rpartition(":")[0].endswith(".py")


def _checked(component: Component) -> Component:
    if component.kind.is_built:
        try:
            component.signature  # noqa: B018  (reading it is the check)
        except ContractError as error:
            raise ContractError(f"{component.kind.singular.replace('_', ' ')} {component.use}: {error}") from error
    return component


def _load_entry(entry: Entry) -> Component:
    use = entry.qualified
    if entry.factory is not None:
        factory: Any = entry.factory
    else:
        reading = entry.read()
        if reading.broken:
            raise BrokenComponent(f"{entry.kind.singular} {use}: {reading.broken}")
        try:
            module = importlib.import_module(entry.module)
        except (Exception, SystemExit) as error:
            raise BrokenComponent(
                f"{entry.kind.singular} {use}: importing {entry.module} failed: {_cause(error)}"
            ) from error
        try:
            factory = _attribute(module, entry.attribute, use) if entry.attribute else module
        except NotFound as error:
            raise BrokenComponent(f"{entry.kind.singular} {error}") from None
    component = Component(entry.kind, use, entry.name, factory, entry.distribution, entry.version)
    return _checked(component)


def _would_import(module: str) -> str | None:
    """The file that an import of a module takes, or took."""
    if module in sys.modules:
        return getattr(sys.modules[module], "__file__", None)
    spec = find_spec(module)
    return spec.origin if spec is not None else None


def _attribute(module: ModuleType, attribute: str, use: str, shown_as: str = "") -> Any:
    target: Any = module
    for part in attribute.split("."):
        if isinstance(target, ModuleType) and target is not module and shown_as:
            raise NotFound(f"{use}: {target.__name__} is another module; name what {shown_as} itself offers.")
        if not hasattr(target, part):
            own = [name for name, value in vars(module).items() if _is_of(value, module) and not name.startswith("_")]
            hint = nearest(attribute, own) or (f"It has: {', '.join(own[:8])}." if own else "")
            raise NotFound(f"{use}: {shown_as or module.__name__} has no {attribute!r}.", hint)
        target = getattr(target, part)
    return target


def _is_of(value: Any, module: ModuleType) -> bool:
    """Whether it is a class or function that the module itself defines."""
    return callable(value) and getattr(value, "__module__", None) == module.__name__


def _cause(error: BaseException) -> str:
    """The error in one line, with the file and line it came from."""
    if isinstance(error, SyntaxError):
        return f"syntax error in {error.filename}, line {error.lineno}: {error.msg}"
    frames = traceback.extract_tb(error.__traceback__)
    own = (__file__, files.__file__)
    outside = [frame for frame in frames if "importlib" not in frame.filename and frame.filename not in own]
    place = f" ({outside[-1].filename}, line {outside[-1].lineno})" if outside else ""
    return f"{type(error).__name__}: {error}{place}"


__all__ = ["KINDS", "BrokenComponent", "Component", "Listing", "NotFound", "Registry"]
