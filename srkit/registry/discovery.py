"""What the installed distributions offer, by their entry points; no plugin's code is imported."""

from __future__ import annotations

import os
import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from difflib import get_close_matches
from importlib import metadata
from typing import Any

import srkit
from srkit.registry.kinds import KINDS, Kind
from srkit.registry.places import site_path
from srkit.registry.requirements import Requirements
from srkit.registry.source import Reading, read_component

CORE = "srkit"
ALLOW_LIST = "SRKIT_LOAD_PLUGINS"
CONTRACT_GROUP = "srkit.contract"
OLDEST_CONTRACT = 1
"""The oldest version of the contract that components may still be written for."""


@dataclass(frozen=True)
class Entry:
    """One component on offer.

    Attributes:
        kind: its kind.
        name: the registered name.
        target: `package.module:Name`.
        distribution: the name of the distribution it comes from.
        version: that distribution's version.
        requires: that distribution's requirements, as written.
        home_page: that distribution's home page, or the empty string.
        factory: the loaded factory where it was registered from Python, else None.
        contract: the version of srkit's contract that its distribution declares, as written; empty where it does not.
    """

    kind: Kind
    name: str
    target: str
    distribution: str
    version: str
    requires: tuple[str, ...] = ()
    home_page: str = ""
    factory: Callable[..., Any] | None = None
    contract: str = ""

    @property
    def qualified(self) -> str:
        return f"{self.distribution}:{self.name}"

    @property
    def module(self) -> str:
        return self.target.partition(":")[0].partition("[")[0].strip()

    @property
    def attribute(self) -> str:
        return self.target.partition(":")[2].partition("[")[0].strip()

    def read(self, requirements: Requirements | None = None) -> Reading:
        """Summary and whether it can be imported, without importing it.

        Args:
            requirements: what is known of the environment; handed from one component to the next.
        """
        if self.factory is not None:
            from srkit.registry.source import first_sentence

            return Reading(first_sentence(self.factory.__doc__ or ""))
        if not _TARGET.match(self.target):
            return Reading(broken=f"its entry point {self.target!r} is not of the form package.module:Name")
        if not self.attribute and self.kind.plural != "plugins":
            return Reading(broken=f"its entry point {self.target!r} names no class or function after a colon")
        reading = read_component(self.module, self.attribute)
        if stranger := contract_problem(self.distribution, self.contract):
            return Reading(reading.summary, stranger)
        missing = (requirements or Requirements()).missing(self.requires)
        if missing:
            return Reading(reading.summary, f"{self.distribution} needs {', '.join(missing)}")
        return reading


_NAME = r"[^\W\d]\w*(\.[^\W\d]\w*)*"
_TARGET = re.compile(rf"^\s*{_NAME}\s*(:\s*{_NAME}\s*)?(\[.*\])?\s*$")


def canonical(name: str) -> str:
    """A distribution's name in the one form that PEP 503 compares."""
    return re.sub(r"[-_.]+", "-", name).lower()


def discover() -> list[Entry]:
    """Every component of every distribution that may be looked at (`SRKIT_LOAD_PLUGINS`), in a stable order."""
    entries = [entry for offer in _distributions() for entry in offer.entries()]
    order = {plural: position for position, plural in enumerate(KINDS)}
    return sorted(entries, key=lambda entry: (order[entry.kind.plural], entry.name, entry.distribution))


@dataclass(frozen=True)
class Misspelled:
    """An entry point in a group that looks like one of srkit's and is none, so that nobody finds it.

    Attributes:
        distribution: whose.
        name: the entry point's.
        group: as it is written.
        nearest: the group that is meant, as far as one can tell; empty where none is near.
    """

    distribution: str
    name: str
    group: str
    nearest: str

    def __str__(self) -> str:
        meant = f". It means {self.nearest!r}" if self.nearest else f". Groups: {', '.join(_groups())}"
        return (
            f"{self.distribution} offers {self.name!r} in the entry-point group {self.group!r}, which srkit does not "
            f"have, so it is not found{meant}; mend its pyproject.toml and install it again"
        )


def misspelled(distribution: str | None = None) -> list[Misspelled]:
    """What stands in groups that begin like srkit's and are none of them.

    Args:
        distribution: only what this one offers.
    """
    found = []
    for offer in _distributions():
        if distribution is None or canonical(offer.name) == canonical(distribution):
            found += [
                Misspelled(offer.name, name, group, _nearest_group(group))
                for group, name, _ in offer.points()
                if _is_like_ours(group) and (group.lower().startswith("srkit.") or _nearest_group(group))
            ]
    return sorted(found, key=lambda one: (one.distribution, one.group, one.name))


def _groups() -> list[str]:
    return [kind.group for kind in KINDS.values()]


def _is_like_ours(group: str) -> bool:
    known = group in _groups() or group == CONTRACT_GROUP
    return not known and re.match(r"srkit([._-]|$)", group, re.IGNORECASE) is not None


def _nearest_group(group: str) -> str:
    """By the letters alone: `srkit.generator`, `srkit_generators`, `srkit.pixel-loss`; then by likeness."""

    def plain(text: str) -> str:
        return re.sub(r"[\W_]", "", text.lower().removeprefix("srkit"))

    meant = plain(group)
    for kind in KINDS.values():
        if meant in (plain(kind.plural), plain(kind.singular), plain(kind.plural).removesuffix("s")):
            return kind.group
    if meant in ("loss", "losses"):
        return "srkit.pixel_losses"
    likely = get_close_matches(meant, [plain(one) for one in _groups()], 1, 0.6)
    return next((one for one in _groups() if likely and plain(one) == likely[0]), "")


def allowed_distributions() -> set[str] | None:
    """The distributions that `SRKIT_LOAD_PLUGINS` allows beside srkit's own; None where it is not set."""
    value = os.environ.get(ALLOW_LIST)
    return None if value is None else {canonical(name) for name in re.split(r"[,\s]+", value) if name}


def not_installed() -> list[str]:
    """A sentence for each distribution that `SRKIT_LOAD_PLUGINS` names and nobody installed."""
    absent = [
        name
        for name in sorted(allowed_distributions() or ())
        if not any(metadata.distributions(name=name, path=site_path()))
    ]
    return [f"{ALLOW_LIST} names {name!r}, which is not installed" for name in absent]


def _distributions() -> Iterator[_Offer]:
    allowed = allowed_distributions()
    seen: set[str] = set()
    for distribution in metadata.distributions(path=site_path()):
        try:
            text = distribution.read_text("entry_points.txt")
            if not text or "srkit" not in text.lower():
                continue
            offer = _Offer(distribution, str(distribution.metadata["Name"] or ""), text)
        except Exception:
            # another package's broken metadata is none of our business
            continue
        name = canonical(offer.name)
        # the first on the path is the one that is imported
        if not name or name in seen:
            continue
        seen.add(name)
        if allowed is None or name == CORE or name in allowed:
            yield offer


@dataclass(frozen=True)
class _Offer:
    """A distribution that has entry points of srkit's groups: they are its `entry_points.txt`."""

    distribution: metadata.Distribution
    name: str
    text: str

    def entries(self) -> Iterator[Entry]:
        groups = {kind.group: kind for kind in KINDS.values()}
        info = self.distribution.metadata
        version = str(info["Version"] or "")
        requires = tuple(info.get_all("Requires-Dist") or ())
        points = list(self.points())
        contract = next((name for group, name, _ in points if group == CONTRACT_GROUP), "")
        for group, name, target in points:
            if group in groups:
                page = _home_page(info)
                yield Entry(groups[group], name, target, self.name, version, requires, page, contract=contract)

    def points(self) -> Iterator[tuple[str, str, str]]:
        """(group, name, target). Read here and not by importlib, for which one malformed line spoils all."""
        group = ""
        for line in map(str.strip, self.text.splitlines()):
            if line.startswith("[") and line.endswith("]"):
                group = line[1:-1].strip()
            elif line and not line.startswith(("#", ";")):
                name, _, target = line.partition("=")
                yield group, name.strip(), target.strip()


def contract_problem(distribution: str, declared: str) -> str:
    """Why a plugin that declares a version of the contract cannot be used here; empty where it can.

    A plugin declares it by an entry point of the group `srkit.contract` whose name is the version:

        [project.entry-points."srkit.contract"]
        1 = "my_package"
    """
    if not declared:
        return ""
    if not declared.isdecimal():
        return f"{distribution} declares srkit.contract {declared!r}, which is not a whole number"
    version = int(declared)
    if version > srkit.contract:
        return (
            f"{distribution} is written for srkit's contract {version}, and this srkit {srkit.__version__} has "
            f"{srkit.contract}. A newer srkit knows it"
        )
    if version < OLDEST_CONTRACT:
        return (
            f"{distribution} is written for srkit's contract {version}, which srkit {srkit.__version__} no longer "
            f"knows (it has {srkit.contract}). A newer {distribution} may be written for it"
        )
    return ""


HOME_LABELS = ("homepage", "home", "source", "sourcecode", "repository", "github", "documentation")
"""Labels of project URLs under which a home page stands, the best first, as PEP 753 compares them."""


def _home_page(info: Any) -> str:
    urls: dict[str, str] = {}
    for line in info.get_all("Project-URL") or ():
        label, _, url = line.partition(",")
        urls.setdefault(re.sub(r"[\W_]", "", label).lower(), url.strip())
    return next((urls[label] for label in HOME_LABELS if label in urls), str(info["Home-page"] or ""))
