"""`package.module:Name`: what an installed package declared as a component there, found out without importing it."""

from __future__ import annotations

import ast
import json
from importlib import metadata
from pathlib import Path, PurePosixPath
from urllib.parse import urlparse
from urllib.request import url2pathname

from srkit.registry.places import site_path

__all__ = ["declared_kinds", "owned_source"]

DECORATOR = "component"
EDITABLE_ROOTS = ("", "src")
"""Where a project that is installed in place keeps its packages."""


def owned_source(module: str) -> Path | None:
    """The source file of a module that an installed distribution lists as its own; None for every other module.

    The current folder and `PYTHONPATH` do not count. Of a distribution that is installed in place (`pip install -e`)
    that is what lies in its project's folder under one of its own top-level names.
    """
    inside = PurePosixPath(*module.split("."))
    wanted = {str(inside.with_suffix(".py")), str(inside / "__init__.py")}
    for distribution in metadata.distributions(path=site_path(with_pythonpath=False)):
        try:
            found = _listed(distribution, wanted) or _in_place(distribution, module, wanted)
        except Exception:  # another package's broken metadata is none of our business
            continue
        if found is not None:
            return found
    return None


def _listed(distribution: metadata.Distribution, wanted: set[str]) -> Path | None:
    """The file by the distribution's RECORD."""
    # a RECORD is long, and there is one for each distribution: first whether the file is there at all
    if not any(Path(str(distribution.locate_file(one))).is_file() for one in wanted):
        return None
    if not distribution.read_text("RECORD"):
        return None
    for file in distribution.files or ():
        if str(PurePosixPath(file)) in wanted:
            path = Path(str(distribution.locate_file(file)))
            return path.resolve() if path.is_file() else None
    return None


def _in_place(distribution: metadata.Distribution, module: str, wanted: set[str]) -> Path | None:
    """The file in the project's folder, where the distribution is installed in place."""
    url = json.loads(distribution.read_text("direct_url.json") or "{}")
    if not url.get("dir_info", {}).get("editable") or module.partition(".")[0] not in _top_level(distribution):
        return None
    project = Path(url2pathname(urlparse(url["url"]).path))
    for root in EDITABLE_ROOTS:
        for one in wanted:
            path = (project / root / one).resolve()
            if path.is_file() and path.is_relative_to(project.resolve()):
                return path
    return None


def _top_level(distribution: metadata.Distribution) -> set[str]:
    """A distribution's own import names: as its builder wrote them down, or by its entry points."""
    names = set((distribution.read_text("top_level.txt") or "").split())
    return names or {point.module.partition(".")[0] for point in distribution.entry_points}


def declared_kinds(tree: ast.Module, name: str) -> list[str]:
    """The kinds that a class or function at the top of a module is declared for by `@srkit.component(KIND)`."""
    packages, functions = _names_of_decorator(tree)
    kinds = []
    for node in tree.body:
        if isinstance(node, (ast.ClassDef, ast.FunctionDef)) and node.name == name:
            # the last one of a name is what an import gives
            kinds = [kind for one in node.decorator_list if (kind := _kind(one, packages, functions))]
    return kinds


def _names_of_decorator(tree: ast.Module) -> tuple[set[str], set[str]]:
    """What the module calls `srkit`, and what it calls `srkit.component`."""
    packages, functions = set(), set()
    for node in tree.body:
        if isinstance(node, ast.Import):
            packages |= {one.asname or one.name for one in node.names if one.name == "srkit"}
        elif isinstance(node, ast.ImportFrom) and node.module == "srkit" and not node.level:
            functions |= {one.asname or one.name for one in node.names if one.name == DECORATOR}
    return packages, functions


def _kind(decorator: ast.expr, packages: set[str], functions: set[str]) -> str:
    """The kind that a decorator declares; empty for any other one."""
    if not isinstance(decorator, ast.Call) or len(decorator.args) != 1 or decorator.keywords:
        return ""
    called, given = decorator.func, decorator.args[0]
    is_ours = (isinstance(called, ast.Name) and called.id in functions) or (
        isinstance(called, ast.Attribute)
        and called.attr == DECORATOR
        and isinstance(called.value, ast.Name)
        and called.value.id in packages
    )
    return given.value if is_ours and isinstance(given, ast.Constant) and isinstance(given.value, str) else ""
