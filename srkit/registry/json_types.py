"""An option's type as JSON Schema, for editors."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any, get_args, get_origin

import msgspec

from srkit.registry.options import REQUIRED, Option
from srkit.registry.values import LISTS, TABLES, alternatives, plain

Schema = dict[str, Any]


def option_schema(option: Option) -> Schema:
    """One option: its type, what it is for, its default. A nested component is a reference to its kind's definition."""
    schema: Schema
    if option.nested is not None:
        one = {"$ref": f"#/definitions/{option.nested.plural}"}
        schema = {"type": "array", "items": one} if option.many else {"allOf": [one]}
    else:
        schema = type_schema(option.annotation)
    if option.doc:
        schema = schema | {"description": option.doc}
    if option.default not in (REQUIRED, None):
        schema = schema | {"default": plain(option.default)}
    return schema


def type_schema(annotation: Any) -> Schema:
    """A type that a TOML value can have."""
    parts = [_part_schema(part) for part in alternatives(annotation)]
    return parts[0] if len(parts) == 1 else {"anyOf": parts}


def _part_schema(part: Any) -> Schema:
    bare = get_args(part)[0] if get_origin(part) is Annotated else part
    arguments = get_args(bare)
    if bare is Path:
        return {"type": "string"}
    if bare is Any:
        return {}
    if get_origin(bare) in TABLES:
        return {"type": "object", "additionalProperties": type_schema(arguments[1])}
    if get_origin(bare) is tuple and arguments[-1] is not Ellipsis:
        sides = [type_schema(one) for one in arguments]
        return {"type": "array", "items": sides, "minItems": len(sides), "maxItems": len(sides)}
    if get_origin(bare) in LISTS:
        return {"type": "array", "items": type_schema(arguments[0])}
    return dict(msgspec.json.schema(part))
