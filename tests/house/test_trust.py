"""Whoever looks components up says whose code may be loaded, or loads registered ones at most."""

from __future__ import annotations

import ast
from pathlib import Path

from tests.house.source import PACKAGE, modules, tree

REGISTERED_ONLY = {
    "cli/main.py": "commands of plugins, by their registered names",
    "cli/plugin.py": "the names of what is installed",
    "cli/doctor.py": "which plugins are there; none is imported",
    "cli/list.py": "which components are there; none is imported",
    "cli/schema.py": "options of registered components",
    "cli/verification.py": "imports registered components, each in a process of its own",
    "inference/weights.py": "defaults of registered components, by which a checkpoint is known to be its run's",
    "inference/own_words.py": "which names of an experiment are registered",
    "testing/needs.py": "a built-in generator, for components that need a trained model",
    "testing/pytest_plugin.py": "names entry points of the package that is tested",
}
"""Where a registry is made that trusts nobody -> what it is for."""


def made_without_trust(path: Path) -> bool:
    """Whether a module has `Registry.installed()` without an argument."""
    calls = [one for one in ast.walk(tree(path)) if isinstance(one, ast.Call)]
    return any(ast.unparse(one.func) == "Registry.installed" and not one.args and not one.keywords for one in calls)


def test_a_registry_without_trust_is_made_only_where_no_own_code_is_named() -> None:
    found = {path.relative_to(PACKAGE).as_posix() for path in modules() if made_without_trust(path)}
    assert found == set(REGISTERED_ONLY)


def test_a_command_that_makes_one_with_trust_has_the_option() -> None:
    without = []
    for path in modules(PACKAGE / "cli"):
        source = ast.unparse(tree(path))
        if "user_trust(" in source and path.name != "trusting.py" and "@trust_option" not in source:
            without.append(path.name)
    assert not without
