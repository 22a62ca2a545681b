"""The type of an option as its source has it, where that is plain: numbers, texts, paths, and lists of these."""

from __future__ import annotations

import ast
from pathlib import Path
from typing import Annotated, Any, Literal, Union

import msgspec

from srkit.registry.kinds import KINDS, Kind

__all__ = ["nested_in_source", "plain_type"]

NAMES: dict[str, Any] = {"int": int, "float": float, "str": str, "bool": bool, "Path": Path, "Any": Any}
LISTS: dict[str, Any] = {"list": list, "tuple": tuple, "dict": dict}


class _NotPlain(Exception):
    """Only the code itself can tell."""


def plain_type(written: str) -> Any:
    """The type that an annotation's text means; None where only the code itself can tell.

    >>> plain_type("tuple[int, int] | None")
    tuple[int, int] | None
    >>> plain_type("Sizes") is None
    True
    """
    try:
        return _type(ast.parse(written, mode="eval").body)
    except (SyntaxError, ValueError, TypeError, RecursionError, _NotPlain):
        return None


def nested_in_source(written: str) -> tuple[Kind, bool] | None:
    """The kind that `Factory[Block]` asks for, and whether it is a list of them; None for anything else."""
    try:
        return _nested(ast.parse(written, mode="eval").body)
    except (SyntaxError, ValueError, RecursionError):
        return None


def _nested(node: ast.expr) -> tuple[Kind, bool] | None:
    if isinstance(node, ast.BinOp) and isinstance(node.op, ast.BitOr):
        return _nested(node.left) or _nested(node.right)
    if not isinstance(node, ast.Subscript):
        return None
    name, inner = ast.unparse(node.value).rpartition(".")[2], node.slice
    if name == "Factory":
        contract = ast.unparse(inner).rpartition(".")[2]
        found = [kind for kind in KINDS.values() if kind.contract is not None and kind.contract.__name__ == contract]
        return (found[0], False) if found else None
    if name == "tuple" and isinstance(inner, ast.Tuple) and ast.unparse(inner.elts[-1]) == "...":
        inner = inner.elts[0]
    one = _nested(inner) if name in ("list", "tuple") else None
    return (one[0], True) if one is not None else None


def _type(node: ast.expr) -> Any:
    if isinstance(node, ast.Constant) and isinstance(node.value, str):
        return _type(ast.parse(node.value, mode="eval").body)
    if isinstance(node, ast.Constant) and node.value is None:
        return None
    if isinstance(node, ast.Name) and node.id in NAMES:
        return NAMES[node.id]
    if isinstance(node, ast.BinOp) and isinstance(node.op, ast.BitOr):
        return Union[_type(node.left), _type(node.right)]  # noqa: UP007  # of values
    if isinstance(node, ast.Subscript):
        return _subscripted(ast.unparse(node.value).rpartition(".")[2], node.slice)
    raise _NotPlain


def _subscripted(name: str, inner: ast.expr) -> Any:
    parts = inner.elts if isinstance(inner, ast.Tuple) else [inner]
    if name == "Literal":
        return Literal[tuple(ast.literal_eval(one) for one in parts)]
    if name == "Annotated":
        limits = [_limits(one) for one in parts[1:]]
        return (
            Annotated[(_type(parts[0]), *(one for one in limits if one is not None))]
            if any(limits)
            else _type(parts[0])
        )
    if name in LISTS:
        dots = isinstance(parts[-1], ast.Constant) and parts[-1].value is Ellipsis
        of = [_type(one) for one in (parts[:-1] if dots else parts)]
        return LISTS[name][(*of, ...) if dots else tuple(of)]
    raise _NotPlain


def _limits(node: ast.expr) -> Any:
    """`msgspec.Meta(ge=1)` as it is; None for a sentence."""
    if isinstance(node, ast.Call) and ast.unparse(node.func).rpartition(".")[2] == "Meta" and not node.args:
        return msgspec.Meta(**{one.arg: ast.literal_eval(one.value) for one in node.keywords if one.arg})
    if isinstance(node, ast.Constant) and isinstance(node.value, str):
        return None
    raise _NotPlain
