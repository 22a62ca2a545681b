"""What can be known of a component from its source alone: nothing here executes a plugin's code."""

from __future__ import annotations

import ast
import sys
from dataclasses import dataclass
from functools import lru_cache
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
    path: list[str] | None = None
    spec = None
    parts = module.split(".")
    for count in range(1, len(parts) + 1):
        name = ".".join(parts[:count])
        spec = _ask_finders(name, path) or _namespace(name, path)
        if spec is None:
            return None
        places = spec.submodule_search_locations
        path = None if places is None else list(places)
        if path is None and count < len(parts):
            return None
    return spec


def _ask_finders(name: str, path: list[str] | None) -> ModuleSpec | None:
    for finder in sys.meta_path:
        find = getattr(finder, "find_spec", None)
        try:
            spec = find(name, path, None) if find is not None else None
        except Exception:
            continue  # a finder that fails has not found it
        if spec is not None:
            return spec
    return None


def _namespace(name: str, path: list[str] | None) -> ModuleSpec | None:
    """A namespace package inside another, which importlib finds only once the outer one is imported."""
    folders = [folder for folder in (Path(one, name.rpartition(".")[2]) for one in path or ()) if folder.is_dir()]
    if not folders:
        return None
    spec = ModuleSpec(name, None, is_package=True)
    spec.submodule_search_locations = [str(folder) for folder in folders]
    return spec


def read_component(module: str, attribute: str) -> Reading:
    """Look a component up in its source, following re-exports (`from .espcn import Espcn` in an `__init__.py`).

    Args:
        module: the dotted module an entry point names.
        attribute: the name in it; empty for the module itself.
    """
    certain = True  # whether every step so far is one the import would take too
    for _ in range(MAX_REEXPORTS):
        spec = find_spec(module)
        if spec is None:
            return Reading(broken=f"there is no module {module}" if certain else "")
        if spec.origin is None or not spec.origin.endswith(".py"):
            return Reading()
        tree = parse_source(Path(spec.origin))
        if isinstance(tree, str):
            return Reading(broken=tree if certain else "")
        if not attribute:
            return Reading(first_sentence(ast.get_docstring(tree) or ""))
        found = _definition(tree, attribute.split(".")[0])
        if found is None:
            missing = certain and not _may_hold(tree, attribute.split(".")[0])
            return Reading(broken=f"{module} has no {attribute}" if missing else "")
        node, unconditional = found
        certain = certain and unconditional
        if isinstance(node, ast.ImportFrom):
            module, attribute = _follow(node, attribute, module, is_package=spec.submodule_search_locations is not None)
        elif other := _other_name(node):
            attribute = other
        else:
            return _described(node, attribute)
    return Reading()


def definition_place(module: str, attribute: str) -> tuple[Path, str] | None:
    """The file that a component is written in and its name there, re-exports followed; None where that is not plain."""
    for _ in range(MAX_REEXPORTS):
        spec = find_spec(module)
        if spec is None or spec.origin is None or not spec.origin.endswith(".py") or not attribute.isidentifier():
            return None
        tree = parse_source(Path(spec.origin))
        found = _definition(tree, attribute) if isinstance(tree, ast.Module) else None
        if found is None or not found[1]:
            return None
        node = found[0]
        if isinstance(node, ast.ImportFrom):
            module, attribute = _follow(node, attribute, module, is_package=spec.submodule_search_locations is not None)
        else:
            return (Path(spec.origin), attribute) if defines_plainly(Path(spec.origin), attribute) else None
    return None


def defines_plainly(path: Path, name: str) -> bool:
    """Whether the last word of a file on a name is a class or function of that name, decorated as none but a component.

    Any other decorator may change what it is called with.
    """
    tree = parse_source(path)
    found = _definition(tree, name) if isinstance(tree, ast.Module) else None
    if found is None or not found[1] or not isinstance(found[0], (ast.ClassDef, ast.FunctionDef)):
        return False
    written = [ast.unparse(one.func if isinstance(one, ast.Call) else one) for one in found[0].decorator_list]
    return all(one.rpartition(".")[2] == "component" for one in written)


def _described(node: ast.stmt, attribute: str) -> Reading:
    for part in attribute.split(".")[1:]:
        inner = [one for one in getattr(node, "body", []) if getattr(one, "name", None) == part]
        if not inner:
            return Reading()
        node = inner[-1]
    is_described = isinstance(node, (ast.ClassDef, ast.FunctionDef, ast.AsyncFunctionDef))
    return Reading(first_sentence((ast.get_docstring(node) if is_described else "") or ""))  # type: ignore[arg-type]


def _other_name(node: ast.stmt) -> str:
    """What `Net = Other`, `net = partial(Other, ...)` or `plugin = Other()` is told by; empty for anything else."""
    value = getattr(node, "value", None)
    if isinstance(value, ast.Call) and value.args and ast.unparse(value.func).rpartition(".")[2] == "partial":
        value = value.args[0]
    elif isinstance(value, ast.Call) and not value.args and not value.keywords:
        value = value.func  # an object without a docstring of its own, such as a plugin that keeps a state
    return value.id if isinstance(value, ast.Name) else ""


def parse_source(path: Path) -> ast.Module | str:
    """The module in a file, or why it is none; nothing of it is executed."""
    return _parse(str(path), _changed(str(path)))


def _changed(path: str) -> float:
    try:
        return Path(path).stat().st_mtime
    except OSError:
        return 0.0


@lru_cache(maxsize=8)
def _parse(path: str, changed: float) -> ast.Module | str:
    """The module in a file that was last changed then, or why it is none.

    A few are kept, for components that share a module: all trees together would take longer to search for garbage
    than to parse.
    """
    try:
        return ast.parse(Path(path).read_bytes(), filename=path)
    except SyntaxError as error:
        return f"syntax error in {path}, line {error.lineno}: {error.msg}"
    except (OSError, ValueError, RecursionError, MemoryError) as error:
        return f"{path} cannot be read: {error}"


def _definition(tree: ast.Module, name: str) -> tuple[ast.stmt, bool] | None:
    """The last statement at the module's top level that defines a name, and whether it does so unconditionally."""
    found: tuple[ast.stmt, bool] | None = None
    pending = [(node, True) for node in tree.body]
    while pending:
        node, unconditional = pending.pop(0)
        if isinstance(node, (ast.If, ast.Try)):
            handlers = [statement for one in getattr(node, "handlers", []) for statement in one.body]
            # in the order they stand, before what follows
            pending[:0] = [(one, False) for one in [*node.body, *node.orelse, *handlers]]
        elif name in _names(node):
            found = node, unconditional
    return found


def _names(node: ast.stmt) -> list[str]:
    """What a statement defines, where that is plain to see."""
    if isinstance(node, (ast.ClassDef, ast.FunctionDef, ast.AsyncFunctionDef)):
        return [node.name]
    if isinstance(node, (ast.Import, ast.ImportFrom)):
        return [alias.asname or alias.name.split(".")[0] for alias in node.names]
    if isinstance(node, (ast.Assign, ast.AnnAssign)):
        targets = node.targets if isinstance(node, ast.Assign) else [node.target]
        return [one.id for one in targets if isinstance(one, ast.Name)]
    return []


DYNAMIC = ("globals", "vars", "locals", "setattr", "exec", "__getattr__")


def _may_hold(tree: ast.Module, name: str) -> bool:
    """Whether a module may still have a name that no plain statement of it defines."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Name) and (node.id in DYNAMIC or (node.id == name and isinstance(node.ctx, ast.Store))):
            return True
        if isinstance(node, ast.FunctionDef) and node.name == "__getattr__":
            return True
        if isinstance(node, ast.ImportFrom) and any(alias.name == "*" for alias in node.names):
            return True
        if getattr(node, "name", None) == name or (isinstance(node, ast.alias) and name in (node.name, node.asname)):
            return True
    return False


def _follow(node: ast.ImportFrom, attribute: str, module: str, *, is_package: bool) -> tuple[str, str]:
    """Where `from ... import` sends a name to: (module, attribute)."""
    head, _, rest = attribute.partition(".")
    original = next(alias.name for alias in node.names if (alias.asname or alias.name) == head)
    target = node.module or ""
    if node.level:
        parts = module.split(".")
        anchor = parts[: len(parts) - node.level + (1 if is_package else 0)]
        target = ".".join(anchor + ([node.module] if node.module else []))
    if rest and find_spec(f"{target}.{original}") is not None:
        return f"{target}.{original}", rest  # the name is that of a module
    return target, f"{original}.{rest}" if rest else original


def first_sentence(docstring: str) -> str:
    """The first paragraph's first sentence on one line.

    >>> first_sentence("Makes it large. And more.")
    'Makes it large.'
    """
    paragraph = " ".join(docstring.strip().split("\n\n")[0].split())
    end = paragraph.find(". ")
    return paragraph if end < 0 else paragraph[: end + 1]
