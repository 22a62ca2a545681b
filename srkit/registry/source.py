"""What can be known of a component from its source alone: nothing here executes a plugin's code."""

from __future__ import annotations

import ast
import sys
from dataclasses import dataclass
from functools import cache
from importlib.machinery import ModuleSpec
from pathlib import Path

MAX_REEXPORTS = 5


@dataclass(frozen=True)
class Reading:
    """What the source of a component says.

    Attributes:
        summary: the first sentence of its docstring, or the empty string.
        broken: why it cannot be imported, or the empty string.
    """

    summary: str = ""
    broken: str = ""


def find_spec(module: str) -> ModuleSpec | None:
    """The module's spec through the interpreter's own finders, without importing its parents."""
    path = None
    spec = None
    parts = module.split(".")
    for count in range(1, len(parts) + 1):
        name = ".".join(parts[:count])
        spec = _ask_finders(name, path)
        if spec is None:
            return None
        path = spec.submodule_search_locations
        if path is None and count < len(parts):
            return None
    return spec


def _ask_finders(name: str, path: object) -> ModuleSpec | None:
    for finder in sys.meta_path:
        find = getattr(finder, "find_spec", None)
        spec = find(name, path, None) if find is not None else None
        if spec is not None:
            return spec
    return None


def read_component(module: str, attribute: str) -> Reading:
    """Look a component up in its source, following re-exports (`from .espcn import Espcn` in an `__init__.py`).

    Args:
        module: the dotted module an entry point names.
        attribute: the name in it; empty for the module itself.
    """
    for _ in range(MAX_REEXPORTS):
        spec = find_spec(module)
        if spec is None:
            return Reading(broken=f"there is no module {module}")
        if spec.origin is None or not spec.origin.endswith(".py"):
            return Reading()
        tree = _parse(spec.origin)
        if isinstance(tree, str):
            return Reading(broken=tree)
        if not attribute:
            return Reading(first_sentence(ast.get_docstring(tree) or ""))
        node = _definition(tree, attribute.split(".")[0])
        if node is None:
            dynamic = _definition(tree, "__getattr__") is not None or _has_star_import(tree)
            return Reading() if dynamic else Reading(broken=f"{module} has no {attribute}")
        if isinstance(node, ast.ImportFrom):
            module, attribute = _follow(node, attribute, module, is_package=spec.submodule_search_locations is not None)
            continue
        docstring = ast.get_docstring(node) if isinstance(node, (ast.ClassDef, ast.FunctionDef)) else ""
        return Reading(first_sentence(docstring or ""))
    return Reading()


@cache
def _parse(path: str) -> ast.Module | str:
    try:
        return ast.parse(Path(path).read_bytes(), filename=path)
    except SyntaxError as error:
        return f"syntax error in {path}, line {error.lineno}: {error.msg}"
    except (OSError, ValueError) as error:
        return f"{path} cannot be read: {error}"


def _definition(tree: ast.Module, name: str) -> ast.stmt | None:
    """The statement at the module's top level that defines a name; conditional ones count."""
    found: ast.stmt | None = None
    pending = list(tree.body)
    while pending:
        node = pending.pop(0)
        if isinstance(node, (ast.If, ast.Try)):
            pending.extend(node.body + node.orelse)
            pending.extend(statement for handler in getattr(node, "handlers", []) for statement in handler.body)
        elif isinstance(node, (ast.ClassDef, ast.FunctionDef, ast.AsyncFunctionDef)):
            found = node if node.name == name else found
        elif isinstance(node, (ast.Import, ast.ImportFrom)):
            names = [alias.asname or alias.name.split(".")[0] for alias in node.names]
            found = node if name in names else found
        elif isinstance(node, (ast.Assign, ast.AnnAssign)):
            targets = node.targets if isinstance(node, ast.Assign) else [node.target]
            found = node if any(isinstance(one, ast.Name) and one.id == name for one in targets) else found
    return found


def _has_star_import(tree: ast.Module) -> bool:
    imports = [node for node in tree.body if isinstance(node, ast.ImportFrom)]
    return any(alias.name == "*" for node in imports for alias in node.names)


def _follow(node: ast.ImportFrom, attribute: str, module: str, *, is_package: bool) -> tuple[str, str]:
    """Where `from ... import` sends a name to: (module, attribute)."""
    head, _, rest = attribute.partition(".")
    original = next(alias.name for alias in node.names if (alias.asname or alias.name) == head)
    target = node.module or ""
    if node.level:
        parts = module.split(".")
        anchor = parts[: len(parts) - node.level + (1 if is_package else 0)]
        target = ".".join(anchor + ([node.module] if node.module else []))
    return target, f"{original}.{rest}" if rest else original


def first_sentence(docstring: str) -> str:
    """The first paragraph's first sentence on one line.

    >>> first_sentence("Makes it large. And more.")
    'Makes it large.'
    """
    paragraph = " ".join(docstring.strip().split("\n\n")[0].split())
    end = paragraph.find(". ")
    return paragraph if end < 0 else paragraph[: end + 1]
