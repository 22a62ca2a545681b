"""The components an experiment picks: looked up, imported, their options checked and converted."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

from srkit.errors import OptionError, nearest, nearest_names
from srkit.experiment.schema import Experiment, Selection
from srkit.experiment.tables import table_keys
from srkit.experiment.tree import TreePath
from srkit.experiment.typed import Typing
from srkit.registry import (
    BrokenComponent,
    Component,
    ContractError,
    Kind,
    NotFound,
    Option,
    Registry,
    Untrusted,
    kind_named,
)
from srkit.registry.source_options import read_source_component
from srkit.registry.values import BadValue, convert, found


@dataclass(frozen=True)
class Pick:
    """One component with its options, ready to be built.

    Attributes:
        component: the component.
        options: option -> value, only those that were written; a nested component's value is a Pick or a list of them.
        path: where it stands in the experiment.
    """

    component: Component
    options: dict[str, Any]
    path: TreePath

    def build(self, **given: Any) -> Any:
        """Call the factory with what its kind is given, and with the offered arguments that it names.

        Raises:
            OptionError: it cannot do what is asked, or is not what it has to be; `path` says where it stands.
        """
        wanted = {*self.component.kind.given, *self.component.signature.takes}
        handed = {name: value for name, value in given.items() if name in wanted}
        offered = {name: value for name, value in given.items() if name not in self.component.kind.given}
        nested = {key: _factory(value, offered) for key, value in self.options.items()}
        try:
            return self.component.build(**handed, **nested)
        except OptionError as error:
            # of components inside each other, the innermost is the one that refuses
            error.pick = error.pick or self
            raise
        except ContractError as error:
            refusal = OptionError("use", str(error))
            refusal.pick = self
            raise refusal from error

    def all_options(self) -> dict[str, Any]:
        """Every option with its value, defaults written out; nested picks stay picks."""
        defaults = {one.name: one.default for one in self.component.signature.options if not one.required}
        return {**defaults, **self.options}

    def walk(self) -> Iterator[Pick]:
        """This pick and the ones nested in it."""
        yield self
        for value in self.options.values():
            for one in value if isinstance(value, list) else [value]:
                if isinstance(one, Pick):
                    yield from one.walk()


def _factory(value: Any, offered: dict[str, Any]) -> Any:
    """An option as the parent receives it: a nested component as a callable, which the parent gives the rest."""
    if isinstance(value, Pick):
        return partial(value.build, **offered)
    if isinstance(value, (list, tuple)) and value and isinstance(value[0], Pick):
        return [partial(one.build, **offered) for one in value]
    return value


HUGE = 1_000_000
"""No size of a network; what a stranger's file asks for beyond it is meant to fill memory."""


def _has_huge(raw: Any) -> bool:
    if isinstance(raw, (list, dict)):
        return any(_has_huge(one) for one in (raw.values() if isinstance(raw, dict) else raw))
    return isinstance(raw, (int, float)) and not abs(raw) <= HUGE


class Picking:
    """Looks components up, adding what is wrong to a `Typing`'s problems."""

    def __init__(self, typing: Typing, registry: Registry) -> None:
        self.typing = typing
        self.registry = registry

    def pick(self, kind: Kind, use: str, options: dict[str, Any], path: TreePath) -> Pick | None:
        """The component of a table at `path`; None where it cannot be had."""
        base = self.typing.tree.origin((*path, "use")).folder
        if not self._is_written(use, path):
            use = self.registry.default_of(kind, use)
        try:
            component = self.registry.find(kind, use, base, self.typing.tree.folders(path))
        except NotFound as error:
            self.typing.add((*path, "use"), error.message, error.hint)
            self._options_of_nearest(kind, use, options, path)
        except Untrusted as error:
            self.typing.add((*path, "use"), error.message, error.hint)
            self._read_options(error.file, error.attribute, error.attribute, kind, options, path)
        except (BrokenComponent, ContractError) as error:
            self.typing.add((*path, "use"), str(error))
            if (place := self._source(kind, use, base)) is not None:
                self._read_options(*place, use.rpartition(":")[2], kind, options, path)
        else:
            return Pick(component, self._options(component, options, path), path)
        return None

    def _is_written(self, use: str, path: TreePath) -> bool:
        """Whether somebody wrote the name, rather than that it is a table's or an option's default."""
        try:
            value = self.typing.tree.get(path)
        except (KeyError, IndexError, TypeError):
            return False
        return use in (value, value.get("use") if isinstance(value, dict) else None)

    def _options_of_nearest(self, kind: Kind, use: str, options: dict[str, Any], path: TreePath) -> None:
        """Hold options against what the sources say of the components that a name nobody has probably means."""
        entries = self.registry.entries(kind)
        names = nearest_names(use, [*(one.name for one in entries), *(one.qualified for one in entries)])
        likely: dict[tuple[Path, str], tuple[str, list[str]]] = {}
        for name in names:
            place = self._source(kind, name, Path())
            found = read_source_component(*place, kind) if place is not None else None
            if place is not None and found is not None and found.options is not None:
                likely.setdefault(place, (name.rpartition(":")[2], [one.name for one in found.options]))
        if len(likely) == 1:
            ((place, (name, _)),) = likely.items()
            self._read_options(*place, name, kind, options, path)
        elif likely:
            known = list(dict.fromkeys(option for _, own in likely.values() for option in own))
            either = " or ".join(dict.fromkeys(repr(name) for name, _ in likely.values()))
            for key in options:
                if key not in known:
                    self._unknown_option(kind, either, key, known, options, path)

    def _source(self, kind: Kind, use: str, base: Path) -> tuple[Path, str] | None:
        try:
            return self.registry.source_of(kind, use, base)
        except NotFound:
            return None

    def _read_options(
        self, file: Path, attribute: str, name: str, kind: Kind, options: dict[str, Any], path: TreePath
    ) -> None:
        """Hold the options of code that does not run, or not yet, against what its source says of them."""
        found = read_source_component(file, attribute, kind)
        if found is None or found.options is None:
            return
        known = {one.name: one for one in found.options}
        for key, raw in options.items():
            if key not in known:
                self._unknown_option(kind, repr(name), key, list(known), options, path)
            elif (nested := known[key].nested) is not None:
                self._nested(Option(key, None, None, nested=nested[0], many=nested[1]), raw, (*path, key))
            elif (annotation := known[key].plain_type) is not None:
                self._value(Option(key, annotation, None), raw, (*path, key))
        for one in found.options:
            if one.default is None and one.name not in options:
                self.typing.add(path, f"option {one.name!r} of {name!r} is missing.", one.doc)

    def _unknown_option(
        self, kind: Kind, name: str, key: str, known: list[str], options: dict[str, Any], path: TreePath
    ) -> None:
        table = [one for one in table_keys(path) if one not in options]
        hint = nearest(key, [*known, *table]) or (
            f"Its options: {', '.join(known)}." if known else "It has no options."
        )
        self.typing.add((*path, key), f"{kind.singular} {name} has no option {key!r}.", hint)

    def _options(self, component: Component, options: dict[str, Any], path: TreePath) -> dict[str, Any]:
        signature = component.signature
        values: dict[str, Any] = {}
        for key, raw in options.items():
            option = signature.option(key)
            where = (*path, key)
            if option is None:
                known = [one.name for one in signature.options]
                self._unknown_option(component.kind, repr(component.name), key, known, options, path)
                continue
            value = self._value(option, raw, where)
            if value is not None and self._may_reach_out(component, key, value, where):
                values[key] = value
        for option in signature.options:
            if option.required and option.name not in options:
                self.typing.add(path, f"option {option.name!r} of {component.name!r} is missing.", option.doc)
        # a nested component that was not written may still have a default by name: `block = "dilated"` in the signature
        for option in signature.options:
            if option.nested and option.name not in options and isinstance(option.default, (str, dict, list, tuple)):
                default = list(option.default) if isinstance(option.default, tuple) else option.default
                value = self._value(option, default, (*path, option.name))
                if value is not None:
                    values[option.name] = value
        return values

    def _may_reach_out(self, component: Component, key: str, value: Any, path: TreePath) -> bool:
        """Whether an option that writes or downloads may do so: it was typed, or its file lies in a trusted folder."""
        harmless = getattr(component.factory, "needs_trust", {}).get(key)
        if harmless is None or value in harmless or self.typing.tree.origin(path).typed:
            return True
        if not self.registry.reaches_out:
            self.typing.add(path, "it does more than read files, which a model file may not ask for.")
            return False
        try:
            self.registry.trust.require_folder(self.typing.tree.folders(path), f"{key} does more than read files")
        except Untrusted as error:
            self.typing.add(path, error.message, error.hint)
            return False
        return True

    def _value(self, option: Option, raw: Any, path: TreePath) -> Any:
        if option.nested is not None:
            return self._nested(option, raw, path)
        if not self.registry.reaches_out and _has_huge(raw):
            self.typing.add(path, f"a number above {HUGE:,}, which a model file may not ask for.")
            return None
        base = self.typing.tree.origin(path).folder if self.registry.reaches_out else None
        try:
            return convert(raw, option.annotation, base)
        except BadValue as error:
            self.typing.add(path, str(error), error.hint)
            return None

    def _nested(self, option: Option, raw: Any, path: TreePath) -> Any:
        assert option.nested is not None
        if option.many:
            if not isinstance(raw, list):
                self.typing.add(path, f"found {found(raw)}, expected a list of {option.nested.plural}.")
                return None
            one = Option(option.name, option.annotation, option.default, option.doc, option.nested)
            picks = [self._nested(one, entry, (*path, index)) for index, entry in enumerate(raw)]
            return None if None in picks else picks
        table = {"use": raw} if isinstance(raw, str) else raw
        if not isinstance(table, dict) or not isinstance(table.get("use"), str):
            self.typing.add(
                path,
                f"found {found(raw)}, expected a {option.nested.singular}.",
                f'For example {option.name} = {{ use = "..." }}; `srkit list {option.nested.plural}` shows all.',
            )
            return None
        options = {key: value for key, value in table.items() if key != "use"}
        return self.pick(option.nested, table["use"], options, path)


def selections(experiment: Experiment) -> Iterator[tuple[TreePath, str, Selection]]:
    """Every table that picks a component: (path, kind's plural, table)."""
    data = experiment.data
    singles: list[tuple[TreePath, str, Selection | None]] = [
        (("generator",), "generators", experiment.generator),
        (("discriminator",), "discriminators", experiment.discriminator),
        (("data", "train"), "datasets", data.train if data is not None else None),
        (("data", "validate"), "datasets", data.validate if data is not None else None),
        (("downscaler",), "downscalers", experiment.downscaler),
        (("lr_pipeline",), "lr_pipelines", experiment.lr_pipeline),
        (("target",), "degradations", experiment.target),
        (("adversarial_loss",), "adversarial_losses", experiment.adversarial_loss),
        (("optimizer",), "optimizers", experiment.optimizer),
        (("optimizer", "discriminator"), "optimizers", experiment.optimizer.discriminator),
        (("optimizer", "losses"), "optimizers", experiment.optimizer.losses),
        (("schedule",), "schedules", experiment.schedule),
    ]
    for path, kind, selection in singles:
        if selection is not None:
            yield path, kind, selection
    arrays: list[tuple[str, str, list[Any]]] = [
        ("degradation", "degradations", experiment.degradation),
        ("pixel_loss", "pixel_losses", experiment.pixel_loss),
        ("feature_loss", "feature_losses", experiment.feature_loss),
    ]
    for table, kind, entries in arrays:
        for index, entry in enumerate(entries):
            yield (table, index), kind, entry


def pick_all(experiment: Experiment, picking: Picking, skip: Callable[[TreePath], bool]) -> dict[TreePath, Pick]:
    """The picks of all tables whose `use` could be read, and of the metrics, by path."""
    picks: dict[TreePath, Pick] = {}
    for path, kind, selection in selections(experiment):
        if isinstance(selection.use, str) and not skip((*path, "use")):
            pick = picking.pick(kind_named(kind), selection.use, selection.options, path)
            if pick is not None:
                picks[path] = pick
    for index, metric in enumerate(experiment.validation.metrics):
        path = ("validation", "metrics", index)
        pick = picking.pick(kind_named("metrics"), metric, {}, path)
        if pick is not None:
            picks[path] = pick
    return picks
