"""The reference's examples, a component of each kind, keep the contract that the kit holds anyone's to."""

from __future__ import annotations

import inspect
from importlib import import_module
from pathlib import Path
from types import ModuleType

import pytest
from click.testing import CliRunner
from PIL import Image

from srkit.registry import KINDS, Entry, Kind, Registry
from srkit.testing import check
from srkit.testing.imports import ImportFacts, look_at_imports

FOLDER = Path(__file__).parents[1] / "examples"


def module(kind: Kind) -> ModuleType:
    return import_module(f"tests.examples.{kind.plural}")


def use(kind: Kind) -> str:
    """The component: the last class or function that the module defines for others; a plugin is the module."""
    found = module(kind)
    own = [
        name
        for name, value in vars(found).items()
        if callable(value) and getattr(value, "__module__", None) == found.__name__ and not name.startswith("_")
    ]
    if kind.plural == "commands":
        own = ["sizes"]
    return found.__name__ if kind.plural == "plugins" else f"{found.__name__}:{own[-1]}"


@pytest.fixture(scope="module")
def facts() -> dict[str, ImportFacts]:
    """What importing each module does, found out in one process."""
    return look_at_imports([f"tests.examples.{kind}" for kind in KINDS])


def test_there_is_one_of_each_kind() -> None:
    assert {path.stem for path in FOLDER.glob("*.py")} - {"__init__"} == set(KINDS)


@pytest.mark.parametrize("kind", [one for one in KINDS.values() if one.plural != "plugins"], ids=lambda one: one.plural)
def test_an_example_keeps_its_contract(kind: Kind, facts: dict[str, ImportFacts]) -> None:
    registry = Registry([Entry(kind, "example", use(kind), "examples", "0")])
    report = check(kind, "example", registry=registry, facts=facts[f"tests.examples.{kind.plural}"])
    report.require()
    assert report.tried


def test_the_hooks_keep_theirs(facts: dict[str, ImportFacts]) -> None:
    registry = Registry()
    registry.register(KINDS["plugins"], "examples", every_hook=module(KINDS["plugins"]))  # type: ignore[arg-type]  # a module is loaded, not called
    check(KINDS["plugins"], "every-hook", registry=registry, facts=facts["tests.examples.plugins"]).require()


def test_the_command_does_what_it_says(tmp_path: Path) -> None:
    Image.new("RGB", (5, 7)).save(tmp_path / "a.png")
    said = CliRunner().invoke(module(KINDS["commands"]).sizes, [str(tmp_path)])
    assert said.output == "a.png 5 x 7\n"


def test_what_is_written_in_them_is_for_others_to_read() -> None:
    for kind in KINDS.values():
        text = inspect.getsource(module(kind))
        assert "tests" not in text and max(map(len, text.splitlines())) <= 120
