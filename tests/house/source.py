"""The sources of srkit as the tests of the house read them: modules, their imports, their string literals."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
PACKAGE = ROOT / "srkit"


@dataclass(frozen=True)
class Import:
    """One import: the module that is imported, dotted, and whether it happens when the importing module is."""

    target: str
    at_top: bool
    for_types: bool


def modules(folder: Path = PACKAGE) -> list[Path]:
    return sorted(path for path in folder.rglob("*.py") if "__pycache__" not in path.parts)


def dotted(path: Path) -> str:
    """`srkit.data.cache` for `srkit/data/cache.py`, `srkit.data` for its `__init__.py`."""
    parts = path.relative_to(ROOT).with_suffix("").parts
    return ".".join(parts[:-1] if parts[-1] == "__init__" else parts)


def tree(path: Path) -> ast.Module:
    return ast.parse(path.read_text(encoding="utf-8"), filename=str(path))


def imports(path: Path) -> Iterator[Import]:
    """Every import of a file, inside functions too; `from srkit import x` is `srkit.x` where that is a module."""
    yield from _imports(tree(path).body, at_top=True, for_types=False)


def _imports(body: list[ast.stmt], *, at_top: bool, for_types: bool) -> Iterator[Import]:
    for node in body:
        if isinstance(node, ast.Import):
            yield from (Import(alias.name, at_top, for_types) for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, "srkit imports by absolute names"
            for target in _targets(node):
                yield Import(target, at_top, for_types)
        else:
            typing = isinstance(node, ast.If) and ast.unparse(node.test) in ("TYPE_CHECKING", "typing.TYPE_CHECKING")
            function = isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef))
            inner = [one for one in ast.iter_child_nodes(node) if isinstance(one, (ast.stmt, ast.ExceptHandler))]
            for one in inner:
                statements = one.body if isinstance(one, ast.ExceptHandler) else [one]
                yield from _imports(statements, at_top=at_top and not function, for_types=for_types or typing)


def _targets(node: ast.ImportFrom) -> list[str]:
    module = node.module or ""
    if not module.startswith("srkit"):
        return [module]
    return [_module_or_parent(f"{module}.{alias.name}") for alias in node.names]


def _module_or_parent(name: str) -> str:
    path = ROOT.joinpath(*name.split("."))
    return name if path.is_dir() or path.with_suffix(".py").is_file() else name.rpartition(".")[0]


def texts(path: Path) -> Iterator[tuple[int, str]]:
    """The string literals of a file with their lines; docstrings and other bare strings are not values."""
    whole = tree(path)
    bare = {id(node.value) for node in ast.walk(whole) if isinstance(node, ast.Expr)}
    for node in ast.walk(whole):
        if isinstance(node, ast.Constant) and isinstance(node.value, str) and id(node) not in bare:
            yield node.lineno, node.value
