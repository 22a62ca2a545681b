"""Holding components to their contract: one, or all that a distribution offers."""

from __future__ import annotations

import tempfile
import warnings
from collections.abc import Callable, Iterator, Mapping
from contextlib import suppress
from functools import partial
from pathlib import Path
from typing import Any

from srkit.contracts import Claims
from srkit.errors import ExperimentError, OptionError, UserError
from srkit.experiment.single import pick_one
from srkit.registry import BrokenComponent, Component, ContractError, Kind, Registry, Trust
from srkit.registry.discovery import Entry, canonical
from srkit.shared_state import Patched, SharedStateChanged, left_alone
from srkit.testing.imports import ImportFacts, look_at_imports
from srkit.testing.limits import SECONDS, TooLong, in_short, limited
from srkit.testing.options import complete_options
from srkit.testing.report import Report
from srkit.testing.rule import Broken, NotTried, Result, Rule

__all__ = ["check", "check_distribution", "entries_of", "rules_of"]

SIGNATURE = "its options are named parameters with types"
IMPORTED = "it can be imported"
EXPORTS = ("torchscript", "onnx")


def check(
    kind: Kind,
    use: str,
    *,
    registry: Registry | None = None,
    folder: Path | None = None,
    options: Mapping[str, Any] | None = None,
    facts: ImportFacts | None = None,
) -> Report:
    """Hold one component to its contract.

    Args:
        kind: its kind.
        use: its name, `dist:name`, `package.module:Name` or `./file.py:Name`.
        registry: where to look; by default what is installed.
        folder: what a relative file is relative to; by default where you stand.
        options: what to build it with, as an experiment file would write it; by default what its `claims` say.
        facts: what importing its module does; found out in a process of its own where it is not known.

    Raises:
        NotFound: nothing answers to the name.
    """
    registry = registry or Registry.installed(Trust(everything=True))  # whoever calls it runs it
    try:
        component = registry.find(kind, use, folder or Path.cwd())
    except ContractError as error:
        return Report(kind.plural, use, (Result("signature", SIGNATURE, "broken", f"{error}."),))
    except BrokenComponent as error:
        return Report(kind.plural, use, (Result("imported", IMPORTED, "broken", f"{error}."),))
    facts = facts or _facts(component)
    if not kind.is_built:
        return Report(kind.plural, use, tuple(_loaded(component, facts)))
    with tempfile.TemporaryDirectory() as place:
        return Report(kind.plural, use, tuple(_built(component, registry, options, facts, Path(place))))


def entries_of(distribution: str, registry: Registry) -> list[Entry]:
    """What a distribution offers.

    Raises:
        UserError: it is not installed, or offers nothing.
    """
    own = [one for one in registry.entries() if canonical(one.distribution) == canonical(distribution)]
    if not own:
        known = sorted({one.distribution for one in registry.entries()})
        raise UserError(f"no installed distribution {distribution!r} offers components. There are: {', '.join(known)}.")
    return own


def check_distribution(
    distribution: str, registry: Registry | None = None, kind: Kind | None = None
) -> Iterator[Report]:
    """Hold everything that a distribution offers, or all of one kind, to its contract; one report after another.

    Raises:
        UserError: it is not installed, or offers nothing.
    """
    registry = registry or Registry.installed(Trust(everything=True))  # whoever calls it runs it
    entries = [one for one in entries_of(distribution, registry) if kind in (None, one.kind)]
    facts = look_at_imports([one.module for one in entries if not one.read().broken])
    for entry in entries:
        yield check(entry.kind, entry.qualified, registry=registry, facts=facts.get(entry.module))


def rules_of(kind: Kind, facts: ImportFacts | None = None) -> tuple[Rule, ...]:
    """All rules that a kind's components are held to, in order."""
    from srkit.testing.written_rules import WRITTEN, import_rules

    ground = (*WRITTEN, *import_rules(facts or ImportFacts()))
    return (*ground, *_own_rules(kind.plural))


def _own_rules(plural: str) -> tuple[Rule, ...]:
    from srkit.testing import loss_rules, network_rules, other_rules, picture_rules
    from srkit.testing.called_rules import CALLED, MODULE

    called: dict[str, tuple[Rule, ...]] = {
        "generators": (*CALLED, *MODULE, *network_rules.GENERATORS),
        "blocks": (*CALLED, *MODULE, *network_rules.BLOCKS),
        "discriminators": (*CALLED, *MODULE, *network_rules.DISCRIMINATORS),
        "pixel_losses": (*CALLED, *MODULE, *loss_rules.LOSSES),
        "feature_losses": (*CALLED, *MODULE, *loss_rules.LOSSES),
        "adversarial_losses": (*CALLED, *loss_rules.ADVERSARIAL_LOSSES),
        "downscalers": (*CALLED, *picture_rules.DOWNSCALERS),
        "degradations": (*CALLED, *picture_rules.DEGRADATIONS),
        "lr_pipelines": (*CALLED, *picture_rules.LR_PIPELINES),
        "metrics": (*CALLED, *loss_rules.METRICS),
        "datasets": other_rules.DATASETS,
        "optimizers": other_rules.OPTIMIZERS,
        "schedules": other_rules.SCHEDULES,
        "launchers": other_rules.LAUNCHERS,
    }
    return called[plural]


def _facts(component: Component) -> ImportFacts:
    module = str(getattr(component.factory, "__module__", None) or getattr(component.factory, "__name__", ""))
    return look_at_imports([module])[module]


def _built(
    component: Component, registry: Registry, options: Mapping[str, Any] | None, facts: ImportFacts, place: Path
) -> Iterator[Result]:
    from srkit.testing.callings import CALLINGS
    from srkit.testing.globals import restore_settings, settings
    from srkit.testing.needs import files_for, wrong_needs
    from srkit.testing.subject import Subject

    claims = getattr(component.factory, "claims", None) or Claims()
    written = claims.options if options is None else options
    if not wrong_needs(claims.needs):
        written = {**files_for(claims.needs.get("files", {}), place), **written}
    use = component.use if component.file is None else f"{component.file}:{component.use.rpartition(':')[2]}"
    table = {"use": use, **complete_options(component, written, place)}
    yield _claimed(claims, rules_of(component.kind))
    folder = component.file.parent if component.file is not None else place
    try:
        pick = pick_one(component.kind, table, registry, shown_as="claims.options", folder=folder)
    except ExperimentError as error:
        fix = "Name what the kit builds it with: claims = Claims(options={...}), from srkit.contracts."
        promise = "it can be built from its options"
        yield Result("builds", promise, "broken", " ".join(one.message for one in error.problems), fix)
        return
    subject = Subject(pick, claims, CALLINGS.get(component.kind.plural), place)
    kept: set[str] = set()
    before = settings()
    for rule in rules_of(component.kind, facts):
        with suppress(Patched), warnings.catch_warnings():
            warnings.simplefilter("ignore", SharedStateChanged)
            with left_alone("It", "in a rule"):  # so that neither the next rule nor the next component is misled
                result = _tried(rule, partial(rule.probe, subject), claims, kept)
        restore_settings(before)
        if result.state in ("kept", "excused"):  # an excuse is for one rule, and hides none that needs it
            kept.add(rule.name)
        yield result


def _claimed(claims: Claims, rules: tuple[Rule, ...]) -> Result:
    """Whether the claims mean something: a misspelt excuse excuses nothing."""
    from srkit.testing.needs import wrong_needs

    names = [rule.name for rule in rules]
    unknown = [one for one in claims.excused if one not in names] + [
        one for one in claims.exports if one not in EXPORTS
    ]
    promise = "its claims name rules, formats and needs that there are"
    if wrong := wrong_needs(claims.needs):
        return Result("claims", promise, "broken", wrong, "srkit.contracts.Claims says what each is.")
    if not unknown:
        return Result("claims", promise, "kept")
    known = f"Rules: {', '.join(names)}. Formats: {', '.join(EXPORTS)}."
    names_it = f"`claims` names {', '.join(map(repr, unknown))}, which is neither a rule nor a format."
    return Result("claims", promise, "broken", names_it, known)


def _tried(rule: Rule, probe: Callable[[], None], claims: Claims, kept: set[str]) -> Result:
    missing = [name for name in rule.needs if name not in kept]
    if missing:
        return Result(rule.name, rule.promise, "not tried", f"it says nothing while {missing[0]!r} does not hold")
    try:
        with limited(SECONDS):
            probe()
    except NotTried as reason:
        return Result(rule.name, rule.promise, "not tried", str(reason))
    except Broken as error:
        broken = error
    except TooLong:
        broken = Broken(
            f"After {SECONDS:g} seconds it was still at it.",
            "An endless loop, or a wait for something that never comes.",
        )
    except UserError as error:
        if not isinstance(error, OptionError):
            return Result(rule.name, rule.promise, "not tried", str(error))
        broken = Broken(f"It refuses what it was built for: {error}")
    except KeyboardInterrupt:
        raise  # Ctrl-C
    except BaseException as error:  # sys.exit(), and what nobody thought of: the next component is tried all the same
        broken = Broken(f"It fails with {in_short(error)}.")
    else:
        return Result(rule.name, rule.promise, "kept")
    if rule.name in claims.excused:
        return Result(rule.name, rule.promise, "excused", claims.excused[rule.name])
    return Result(rule.name, rule.promise, "broken", broken.what, broken.fix)


def _loaded(component: Component, facts: ImportFacts) -> Iterator[Result]:
    from srkit.testing.loaded_rules import is_a_command, is_a_plugin
    from srkit.testing.written_rules import import_rules

    factory = component.factory
    is_fit = is_a_command if component.kind.plural == "commands" else partial(is_a_plugin, name=component.use)
    rule = Rule(component.kind.singular, f"it is a {component.kind.singular} that can be used", lambda _: None, ())
    yield _tried(rule, partial(is_fit, factory), Claims(), set())
    for one in import_rules(facts):
        yield _tried(one, lambda one=one: one.probe(None), Claims(), set())  # type: ignore[misc]  # a default argument binds the loop's value
