"""The experiment file as JSON Schema (draft 7), with the options of the installed components: for editors."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Annotated, Any, get_args, get_origin

import msgspec

from srkit.experiment.schema import KIND_OF_TABLE, Experiment, Selection, Table
from srkit.experiment.tables import holds_list, table_in
from srkit.registry import KINDS, Component, Kind
from srkit.registry.json_types import Schema, option_schema, type_schema

DRAFT = "http://json-schema.org/draft-07/schema#"
ELSEWHERE: Schema = {
    "type": "string",
    "pattern": ":",
    "description": "dist:name, package.module:Name or ./file.py:Name",
}
"""A `use` whose options are not known here."""


def experiment_schema(components: Iterable[tuple[Component, str]]) -> Schema:
    """What an experiment file may hold.

    Args:
        components: those to offer, each with its one-line summary.
    """
    writer = _Writer(components)
    whole = writer.table(Experiment, "")
    whole["properties"] |= {
        "matrix": _matrix(whole["properties"], writer),
        "launcher": writer.picked(KINDS["launchers"], {}) | {"description": "Where the runs of a study are executed."},
    }
    whole["properties"]["extends"] = {"type": "string", "description": "The experiment file that this one changes."}
    # what a file leaves out, the one it extends may hold, or each cell of a study
    needed: Schema = {"required": whole.pop("required"), "properties": {}}
    for name, table in whole["properties"].items():
        if "required" in table:
            needed["properties"][name] = {"required": table.pop("required")}
    return {
        "$schema": DRAFT,
        "title": "srkit experiment",
        **whole,
        "if": {"not": {"anyOf": [{"required": ["extends"]}, {"required": ["matrix"]}]}},
        "then": needed,
        "definitions": writer.definitions,
    }


def _matrix(properties: Schema, writer: _Writer) -> Schema:
    """What a study varies: of each key a list of alternatives; a component's may have a label beside its options."""
    label: Schema = {"type": "string", "minLength": 1, "description": "What the alternative is called in tables."}
    named: Schema = {"type": "object", "properties": {"label": label, "value": {}}, "required": ["label", "value"]}
    alternatives: Schema = {}
    for field in msgspec.structs.fields(Experiment):
        one, table = properties[field.name], table_in(field.type)
        if table is not None and issubclass(table, Selection) and not holds_list(field.type):
            one = writer.table(table, field.name, label)
        lists: Schema = {"type": "array", "minItems": 1, "items": {"anyOf": [one, named]}}
        # keys of a table may be written as a table too: generator.channels = [64, 128]
        alternatives[field.name] = {"anyOf": [lists, {"type": "object"}]} if table is not None else lists
    return {
        "type": "object",
        "minProperties": 1,
        "description": "A study: one run for each combination of these alternatives; keys are those of --set.",
        "properties": alternatives,
        "patternProperties": {r"\.": {"type": "array", "minItems": 1}},
        "additionalProperties": False,
    }


class _Writer:
    """Writes tables out; what several of them hold is written once, into `definitions`."""

    def __init__(self, components: Iterable[tuple[Component, str]]) -> None:
        self.offered: dict[str, list[tuple[Component, str, Schema]]] = {}
        for component, summary in components:
            options = {one.name: option_schema(one) for one in component.signature.options}
            self.offered.setdefault(component.kind.plural, []).append((component, summary, options))
        self.definitions = {kind.plural: self.picked(kind, {}) for kind in KINDS.values() if kind.is_built}

    def table(self, cls: type[Table], path: str, label: Schema | None = None) -> Schema:
        """A table by its class; one that picks a component has that component's options beside its own keys.

        Args:
            label: the form of a key `label`, which alternatives of a matrix may have.
        """
        fields = [one for one in msgspec.structs.fields(cls) if one.name != "options"]
        own = {one.name: self.field(one, f"{path}.{one.name}".removeprefix(".")) for one in fields}
        own |= {} if label is None else {"label": label}
        if issubclass(cls, Selection):
            own.pop("use")
            default = next(one.default for one in fields if one.name == "use")
            return self.picked(KINDS[KIND_OF_TABLE[path]], own, default if isinstance(default, str) else "")
        schema: Schema = {"type": "object", "properties": own, "additionalProperties": False}
        required = [one.name for one in fields if one.required]
        return schema | ({"required": required} if required else {})

    def field(self, field: Any, path: str) -> Schema:
        """One key of a table."""
        annotation, described = field.type, {}
        if get_origin(annotation) is Annotated:
            meta = get_args(annotation)[1]
            described = {"description": meta.description} if meta.description else {}
        inner = table_in(annotation)
        if inner is None:
            default = {"default": field.default} if isinstance(field.default, (bool, int, float, str)) else {}
            return type_schema(annotation) | described | default
        table = self.table(inner, path)
        if issubclass(inner, Selection):
            self.definitions[path] = table
            table = {"allOf": [{"$ref": f"#/definitions/{path}"}]}
        forms = [{"type": "array", "items": table} if holds_list(annotation) else table]
        if path.startswith("data."):
            forms += [{"type": "string"}, {"type": "array", "items": {"type": "string"}}]  # a folder or several
        others = [one for one in get_args(get_args(annotation)[0]) if one in (int, float, str)]
        forms += [type_schema(one) for one in others]
        return (forms[0] if len(forms) == 1 else {"anyOf": forms}) | described

    def picked(self, kind: Kind, own: Schema, default: str = "") -> Schema:
        """A component by its mere name, or a table with its options; one that is not installed has any options."""
        known = self.offered.get(kind.plural, [])
        variants = [_variant(*one, own, is_default=one[0].name == default) for one in known]
        elsewhere: Schema = {"type": "object", "properties": {**own, "use": ELSEWHERE}, "required": ["use"]}
        # a file that extends another may change an option without naming the component again
        changed: Schema = {"type": "object", "properties": own, "not": {"required": ["use"]}}
        names: list[Schema] = [{"const": one.name, "description": summary} for one, summary, _ in known]
        return {"anyOf": [*variants, elsewhere, changed, *names, ELSEWHERE]}


def _variant(component: Component, summary: str, options: Schema, own: Schema, *, is_default: bool) -> Schema:
    use: Schema = {"enum": [component.name, component.use], "description": summary}
    required = [one.name for one in component.signature.options if one.required] + ([] if is_default else ["use"])
    return {
        "type": "object",
        "title": component.name,
        "properties": {"use": use, **own, **options},
        "required": required,
        "additionalProperties": False,
    }
