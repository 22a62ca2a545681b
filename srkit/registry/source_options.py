"""A component's options as its source has them, for code that is not to run."""

from __future__ import annotations

import ast
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from srkit.registry.kinds import Kind
from srkit.registry.options import argument_docs
from srkit.registry.source import parse_source
from srkit.registry.source_types import nested_in_source, plain_type

__all__ = ["SourceComponent", "SourceOption", "read_source_component"]

NO_OPTIONS = ("object", "nn.Module", "torch.nn.Module", "Module", "Protocol")
"""Bases that add no options."""


@dataclass(frozen=True)
class SourceOption:
    """A parameter of a factory, as it is written.

    Attributes:
        annotation: its type's text; empty where it has none.
        default: its default's text; None where it must be given.
        doc: the sentence about it.
    """

    name: str
    annotation: str
    default: str | None
    doc: str = ""

    @property
    def plain_type(self) -> Any:
        """Its type; None where only the code itself can tell."""
        return plain_type(self.annotation)

    @property
    def nested(self) -> tuple[Kind, bool] | None:
        """The kind of component it is, and whether it is a list of them; None where it is none."""
        return nested_in_source(self.annotation)


@dataclass(frozen=True)
class SourceComponent:
    """A class or function that was only read.

    Attributes:
        docstring: as its author wrote it.
        options: in order; None where they cannot be told from this file alone.
    """

    docstring: str
    options: tuple[SourceOption, ...] | None


def read_source_component(path: Path, name: str, kind: Kind) -> SourceComponent | None:
    """What the source of a file says of a class or function in it; None where there is no such thing in plain sight."""
    tree = parse_source(path)
    if isinstance(tree, str):
        return None
    node = _definition(tree, name)
    if node is None:
        return None
    docstring = ast.get_docstring(node) or ""
    function = node if isinstance(node, ast.FunctionDef) else _constructor(tree, node)
    if function == "none":
        return SourceComponent(docstring, ())
    if not isinstance(function, ast.FunctionDef):
        return SourceComponent(docstring, None)
    docs = argument_docs(docstring) | argument_docs(ast.get_docstring(function) or "")
    given = {*kind.given, *kind.offered}
    parameters = _parameters(function, docs, is_method=function is not node)
    options = tuple(one for one in parameters if one.name not in given)
    is_open = function.args.vararg is not None or function.args.kwarg is not None
    # one that does not take what it is given is refused as a whole, once it is imported
    fits = {one.name for one in parameters} >= set(kind.given)
    return SourceComponent(docstring, options if fits and not is_open else None)


def _definition(tree: ast.Module, name: str) -> ast.ClassDef | ast.FunctionDef | None:
    found = [one for one in tree.body if isinstance(one, (ast.ClassDef, ast.FunctionDef)) and one.name == name]
    return found[-1] if found else None


def _constructor(tree: ast.Module, node: ast.ClassDef, depth: int = 5) -> ast.FunctionDef | str:
    """The `__init__` of a class or of the bases that lie in the same file; "none" or "unknown" where there is none."""
    own = [one for one in node.body if isinstance(one, ast.FunctionDef) and one.name in ("__init__", "__new__")]
    if own:
        return own[-1] if own[-1].name == "__init__" and not own[-1].decorator_list else "unknown"
    if node.decorator_list or node.keywords or not depth:
        return "unknown"  # a dataclass, say
    found = []
    for base in node.bases:
        written = ast.unparse(base)
        parent = _definition(tree, written)
        if isinstance(parent, ast.ClassDef):
            found.append(_constructor(tree, parent, depth - 1))
        elif written not in NO_OPTIONS:
            return "unknown"
    return next((one for one in found if one != "none"), "none")


def _parameters(function: ast.FunctionDef, docs: dict[str, str], *, is_method: bool) -> list[SourceOption]:
    arguments = function.args
    plain = [*arguments.posonlyargs, *arguments.args]
    defaults = [None] * (len(plain) - len(arguments.defaults)) + list(arguments.defaults)
    pairs = [*zip(plain, defaults, strict=True)][1 if is_method else 0 :]
    pairs += zip(arguments.kwonlyargs, arguments.kw_defaults, strict=True)
    return [
        SourceOption(
            one.arg,
            "" if one.annotation is None else ast.unparse(one.annotation),
            None if default is None else ast.unparse(default),
            docs.get(one.arg, ""),
        )
        for one, default in pairs
    ]
