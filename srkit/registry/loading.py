"""From what a `use` names to a factory: an entry point's, a declared one of an installed module, one of own code."""

from __future__ import annotations

import importlib
import sys
import traceback
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from types import ModuleType
from typing import Any

from srkit.errors import FAILURES, UserError, in_short, nearest
from srkit.registry import files
from srkit.registry.declared import declared_kinds, owned_source
from srkit.registry.declaring import DECLARED
from srkit.registry.discovery import Entry
from srkit.registry.files import content_digest, load_file
from srkit.registry.fitness import require_fit
from srkit.registry.kinds import Kind
from srkit.registry.options import ContractError, Signature, read_signature
from srkit.registry.own_code import is_network_path
from srkit.registry.requirements import Requirements
from srkit.registry.source import find_spec, parse_source
from srkit.registry.trust import Trust
from srkit.shared_state import Patched, left_alone

__all__ = [
    "BrokenComponent",
    "Component",
    "NotDeclared",
    "NotFound",
    "kinds_declared",
    "load_declared",
    "load_entry",
    "load_own_file",
    "own_file",
]

OWN = "srkit"
"""The distribution whose components leave alone what all share."""


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
        built = self._called(arguments)
        if self.kind.is_network and not hasattr(built, "named_parameters"):
            given = type(built).__name__
            raise ContractError(
                f"{self.kind.singular} {self.use}: it gives a {given}, which is no torch module. Write class "
                f"{given}(torch.nn.Module) with a forward() and super().__init__()"
            )
        return built

    def _called(self, arguments: dict[str, Any]) -> Any:
        if self.distribution == OWN:
            return self.factory(**arguments)
        try:
            with left_alone(f"the {self.kind.singular} {self.use!r}", "while it was built", torch_stream=False):
                return self.factory(**arguments)
        except Patched as error:
            raise ContractError(str(error)) from None


class NotFound(UserError):
    """No component answers to a `use`. `hint` names the nearest ones."""

    def __init__(self, message: str, hint: str = "") -> None:
        self.message, self.hint = message, hint
        super().__init__(f"{message} {hint}".strip())


class NotDeclared(Exception):
    """A module of an installed package has no such component.

    Attributes:
        source: its file; None where no installed package has such a module.
        kinds: what the class or function was declared as instead.
    """

    def __init__(self, source: Path | None = None, kinds: Iterable[str] = ()) -> None:
        self.source, self.kinds = source, tuple(kinds)
        super().__init__()


class BrokenComponent(UserError):
    """A component was found and cannot be loaded; the message names its distribution and the cause."""


def own_file(kind: Kind, use: str, base: Path) -> tuple[Path, str]:
    """The file of one's own that a name means, and what to take from it.

    Raises:
        NotFound: there is no such file, or it lies on another machine.
    """
    written, _, attribute = use.rpartition(":")
    if is_network_path(written):
        message = f"no {kind.singular} {use!r}: code is never loaded from another machine."
        raise NotFound(message, "Copy the file to this one, and read it.")
    path = (base / Path(written).expanduser()).resolve()
    if not path.is_file() or is_network_path(str(path)):
        raise NotFound(f"no {kind.singular} {use!r}: there is no file {path}.")
    return path, attribute


def load_own_file(kind: Kind, use: str, base: Path, named_in: Iterable[Path], trust: Trust) -> Component:
    """A class or function in a file of one's own.

    Raises:
        NotFound: there is no such file or nothing of that name in it, or it lies on another machine.
        Untrusted: the user has not said yes to it.
        BrokenComponent: it cannot be imported.
        ContractError: it cannot be a component.
    """
    path, attribute = own_file(kind, use, base)
    trust.require(path, named_in, attribute)
    try:
        with left_alone(f"the {kind.singular} {use!r}", "while its file was imported"):
            module = load_file(path)
    except FAILURES as error:
        raise BrokenComponent(f"{kind.singular} {use}: {_cause(error)}") from error
    factory = _attribute(module, attribute, use, str(path))
    return _checked(Component(kind, use, attribute, factory, str(path), content_digest(path), path, must_say=True))


def kinds_declared(use: str) -> list[str]:
    """The kinds that `package.module:Name` is declared for, known without importing anything."""
    module, _, attribute = use.partition(":")
    source = owned_source(module.strip())
    tree = parse_source(source) if source is not None else ""
    return [] if isinstance(tree, str) else declared_kinds(tree, attribute.strip())


def load_declared(kind: Kind, use: str) -> Component:
    """A class or function that an installed package declares as a component where it is written.

    Raises:
        NotDeclared: no installed package has such a module, or nothing of that kind is declared there by that name.
        BrokenComponent: it cannot be imported, or something else would be in its place.
        ContractError: it cannot be a component.
    """
    module_name, _, attribute = (part.strip() for part in use.partition(":"))
    source = owned_source(module_name)
    if source is None:
        raise NotDeclared
    tree = parse_source(source)
    if isinstance(tree, str):
        raise BrokenComponent(f"{kind.singular} {use}: {tree}")
    kinds = declared_kinds(tree, attribute)
    if kind.plural not in kinds:
        raise NotDeclared(source, kinds)
    found = _would_import(module_name)
    if found is None or not source.samefile(found):
        raise BrokenComponent(f"{kind.singular} {use}: {found} hides the installed {source}; rename it or move it")
    try:
        with left_alone(f"the {kind.singular} {use!r}", "while its module was imported"):
            module = importlib.import_module(module_name)
    except FAILURES as error:
        raise BrokenComponent(f"{kind.singular} {use}: {_cause(error)}") from error
    factory = _attribute(module, attribute, use)
    if kind.plural not in getattr(factory, "__dict__", {}).get(DECLARED, ()):
        raise NotDeclared(source)
    version = getattr(module, "__version__", "")
    return _checked(Component(kind, use, attribute, factory, module_name, str(version), must_say=True))


def _checked(component: Component) -> Component:
    if component.kind.is_built:
        try:
            component.signature  # noqa: B018  (reading it is the check)
        except ContractError as error:
            raise ContractError(f"{component.kind.singular.replace('_', ' ')} {component.use}: {error}") from error
    return component


def load_entry(entry: Entry, requirements: Requirements) -> Component:
    """What an entry point names.

    Args:
        requirements: what is known of the environment.

    Raises:
        BrokenComponent: it cannot be imported, or is not there.
        ContractError: it cannot be a component.
    """
    use = entry.qualified
    if entry.factory is not None:
        factory: Any = entry.factory
    else:
        reading = entry.read(requirements)
        if reading.broken:
            raise BrokenComponent(f"{entry.kind.singular} {use}: {reading.broken}")
        try:
            module = _imported(entry)
        except FAILURES as error:
            raise BrokenComponent(
                f"{entry.kind.singular} {use}: importing {entry.module} failed: {_cause(error)}"
            ) from error
        try:
            factory = _attribute(module, entry.attribute, use) if entry.attribute else module
        except NotFound as error:
            raise BrokenComponent(f"{entry.kind.singular} {error}") from None
    component = Component(entry.kind, use, entry.name, factory, entry.distribution, entry.version)
    return _checked(component)


def _imported(entry: Entry) -> ModuleType:
    if entry.distribution == OWN or entry.module in sys.modules:
        return importlib.import_module(entry.module)
    with left_alone(f"the {entry.kind.singular} {entry.qualified!r}", "while its module was imported"):
        return importlib.import_module(entry.module)


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
    return f"{in_short(error)}{place}"
