"""What is printed goes through two doors, which spell out what cannot be seen: `srkit.cli.saying` and the consoles."""

from __future__ import annotations

import ast
from pathlib import Path

import pytest

from tests.house.source import ROOT, modules, tree

DOORS = {
    "srkit/cli/saying.py": "the door for sentences",
    "srkit/cli/console.py": "the door for tables and progress",
    "srkit/own_warnings.py": "what own code warns of in a worker's process, where there is no command line",
}

PRINTERS = ("print", "echo", "secho", "Console")
ASKERS = ("confirm", "prompt")
"""May be given a question that is written out; what it is about is said before."""

SOURCES = [*modules(), *(path for folder in sorted((ROOT / "plugins").glob("*/srkit_*")) for path in modules(folder))]


def name_of(call: ast.Call) -> str:
    return call.func.id if isinstance(call.func, ast.Name) else getattr(call.func, "attr", "")


def is_door(call: ast.Call) -> bool:
    """Whether a call prints by itself: `print`, `click.echo`, rich's own `Console`, a stream's `write`."""
    if isinstance(call.func, ast.Attribute):
        owner = ast.unparse(call.func.value)
        if name_of(call) in ASKERS and owner == "click":
            return not isinstance(call.args[0], ast.Constant)
        return (name_of(call) in PRINTERS and owner in ("click", "rich", "rich.console", "builtins")) or (
            name_of(call) == "write" and owner in ("sys.stdout", "sys.stderr", "sys.__stdout__", "sys.__stderr__")
        )
    return name_of(call) in PRINTERS


def calls(path: Path) -> list[ast.Call]:
    return [node for node in ast.walk(tree(path)) if isinstance(node, ast.Call)]


def test_nothing_is_printed_beside_the_doors() -> None:
    found = [
        f"{path.relative_to(ROOT)}:{call.lineno}"
        for path in SOURCES
        if path.relative_to(ROOT).as_posix() not in DOORS
        for call in calls(path)
        if is_door(call)
    ]
    assert not found, f"say it by srkit.cli.saying or a console of srkit.cli.console: {', '.join(found)}"


@pytest.mark.parametrize("door", DOORS)
def test_every_door_is_used(door: str) -> None:
    assert any(is_door(call) or name_of(call) == "PrintableConsole" for call in calls(ROOT / door))


def test_the_lines_of_an_error_are_several_arguments() -> None:
    """A line end inside of one comes out of somebody's name, and is spelled out."""
    endings = ("Error", "Checkpoint", "Failed", "BadImage", "Problem")
    found = [
        f"{path.relative_to(ROOT)}:{call.lineno}"
        for path in SOURCES
        for call in calls(path)
        if name_of(call).endswith(endings) and name_of(call) != "RuntimeError"  # a cause, which nobody shows
        for node in ast.walk(call)
        if isinstance(node, ast.Constant) and isinstance(node.value, str) and "\n" in node.value
    ]
    assert not found, ", ".join(found)


def test_a_printing_call_is_recognised() -> None:
    for text in ("print(1)", "click.echo(1)", "Console()", "sys.stdout.write(a)", "click.confirm(f'{a}?')"):
        assert is_door(ast.parse(text).body[0].value)  # type: ignore[attr-defined]  # an expression
    for text in ("say(1)", "console.print(a)", "file.write(a)", "click.confirm('Load it?')"):
        assert not is_door(ast.parse(text).body[0].value)  # type: ignore[attr-defined]  # an expression
