"""What `use` may say, and what is said where nothing answers to it."""

from __future__ import annotations

import multiprocessing
import pickle
import sys
from pathlib import Path
from typing import Any

import pytest

from srkit.errors import UserError
from srkit.registry import KINDS, BrokenComponent, ContractError, NotFound, Registry, kind_named
from tests.registry.conftest import Distribute

GENERATORS, BLOCKS = KINDS["generators"], KINDS["blocks"]
HERE = Path.cwd()
NET = '''
import srkit


@srkit.component("generators")
class Net:
    """Doubles what it is given."""

    def __init__(self, scale: int, width: int = 8) -> None:
        self.width = width

    def __call__(self, x: int) -> int:
        return 2 * x + self.width


@srkit.component("generators")
def small(*, scale: int) -> Net:
    return Net(scale, 1)
'''


@pytest.fixture
def registry() -> Registry:
    return Registry.installed()


def refusal(registry: Registry, use: str, base: Path = HERE, kind: str = "generators") -> str:
    with pytest.raises(UserError) as raised:
        registry.find(KINDS[kind], use, base)
    return str(raised.value)


def test_a_registered_name_and_its_qualified_form(registry: Registry) -> None:
    for use in ("espcn", "srkit:espcn", "SRKit:espcn"):
        found = registry.find(GENERATORS, use, HERE)
        assert (found.use, found.name, found.distribution, found.file) == ("srkit:espcn", "espcn", "srkit", None)


def test_a_module_of_an_installed_package_and_what_is_declared_in_it(distribute: Distribute) -> None:
    distribute("nets", "", {"nets/__init__.py": "", "nets/wide.py": NET})
    found = Registry.installed().find(GENERATORS, "nets.wide:Net", HERE)
    assert (found.name, found.distribution, found.factory.__module__) == ("Net", "nets.wide", "nets.wide")


def test_a_file_is_relative_to_the_folder_it_is_written_in(registry: Registry, tmp_path: Path) -> None:
    (tmp_path / "sub").mkdir()
    (tmp_path / "my net.v2.py").write_text(NET)
    for use, base in (
        ("./my net.v2.py:Net", tmp_path),
        ("../my net.v2.py:Net", tmp_path / "sub"),
        (f"{tmp_path}/my net.v2.py:Net", HERE),  # typed, as nothing else has a say in it
    ):
        found = registry.find(GENERATORS, use, base)
        assert (found.name, found.file, len(found.version)) == ("Net", tmp_path / "my net.v2.py", 12)
        assert found.factory(scale=2)(3) == 14


def test_two_files_of_one_name_are_two_modules(registry: Registry, tmp_path: Path) -> None:
    for name in ("a", "b"):
        (tmp_path / name).mkdir()
        (tmp_path / name / "net.py").write_text(f"{NET}\nFOLDER = {name!r}\n")
    modules = [
        sys.modules[registry.find(GENERATORS, "./net.py:Net", tmp_path / name).factory.__module__] for name in "ab"
    ]
    assert [module.FOLDER for module in modules] == ["a", "b"]


def test_a_registered_name_goes_before_a_module(distribute: Distribute) -> None:
    text = "[srkit.generators]\nNet = real_nets:small\n"
    distribute("wins", text, {"real_nets.py": NET, "wins.py": NET})
    assert Registry.installed().find(GENERATORS, "wins:Net", HERE).factory.__name__ == "small"


def test_a_module_named_like_a_distribution_can_be_reached(distribute: Distribute) -> None:
    distribute("both", "[srkit.generators]\nother = both:Net\n", {"both.py": NET})
    assert Registry.installed().find(GENERATORS, "both:small", HERE).factory(scale=2).width == 1
    assert "no generator 'both:othr'" in refusal(Registry.installed(), "both:othr")
    assert "'both:other'" in refusal(Registry.installed(), "both:othr")


# --- not found --------------------------------------------------------------------------------------------------------


def test_what_was_searched_and_the_nearest_names(registry: Registry, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("SRKIT_LOAD_PLUGINS")  # a limit would be said, too
    said = refusal(registry, "espnc")
    number = len(registry.entries(GENERATORS))
    assert f"no generator 'espnc'. Searched the {number} registered generators. Did you mean 'espcn'" in said
    assert said.endswith("`srkit list generators` shows all.")


@pytest.mark.parametrize(
    ("use", "expected"),
    [
        ("absent_pkg.nets:Net", "there is neither a distribution nor a module 'absent_pkg.nets'"),
        ("srkit.components.absent:Net", "there is neither a distribution nor a module 'srkit.components.absent'"),
        ("srkit.components.generators.espcn:Espcn", "it goes by its registered name. Write 'srkit:espcn'."),
        ("srkit:espnc", "Did you mean 'srkit:espcn'"),
        ("srkit.components.generators.espcn:Espnc", "it is not declared as a component in "),
        ("./absent.py:Net", "there is no file"),
        ("./absent.py", "A file is followed by what to take from it: ./absent.py:Name."),
        ("dilated", "It is the name of a block"),
        ("", "no generator ''"),
        (":", "no generator ':'"),
        ("json:", "no generator 'json:'"),
        (".json:Net", "no generator '.json:Net'"),
        ("a b:c", "no generator 'a b:c'"),
        ("no-such-dist:net", "there is neither a distribution nor a module 'no-such-dist'"),
    ],
)
def test_not_found(use: str, expected: str, registry: Registry) -> None:
    assert expected in refusal(registry, use)


def test_the_absent_name_of_a_file_is_told_with_what_is_there(registry: Registry, tmp_path: Path) -> None:
    (tmp_path / "net.py").write_text("import json\nfrom pathlib import Path\n" + NET)
    assert (
        refusal(registry, "./net.py:Nett", tmp_path)
        == f"./net.py:Nett: {tmp_path / 'net.py'} has no 'Nett'. Did you mean 'Net'?"
    )
    assert refusal(registry, "./net.py:Zebra", tmp_path).endswith("has no 'Zebra'. It has: Net, small.")


FAILING = {
    "syntax": ("x = 1\ndef f(:\n", "syntax error in", "line 2"),
    "import": ("import absent_thing\n", "ModuleNotFoundError: No module named 'absent_thing'", "line 1"),
    "raises": ("x = 1\n\n1 / 0\n", "ZeroDivisionError: division by zero", "line 3"),
    "exits": ("raise SystemExit('leaving')\n", "SystemExit: leaving", "line 1"),
}


@pytest.mark.parametrize("case", FAILING)
@pytest.mark.parametrize("form", ["file", "module", "entry point"])
def test_a_failed_import_is_named_with_its_cause(case: str, form: str, distribute: Distribute) -> None:
    source, cause, line = FAILING[case]
    entry = f"[srkit.generators]\nfails = fails_{case}:Net\n" if form == "entry point" else ""
    declared = "import srkit\n@srkit.component('generators')\nclass Net: ...\n"
    folder = distribute("fails", entry, {f"fails_{case}.py": source + declared})
    use = {"file": f"./fails_{case}.py:Net", "module": f"fails_{case}:Net", "entry point": "fails"}[form]
    with pytest.raises(BrokenComponent) as raised:
        Registry.installed().find(GENERATORS, use, folder)
    said = str(raised.value)
    assert said.startswith("generator ") and use in said
    assert cause in said and line in said and f"fails_{case}.py" in said
    assert not [name for name in sys.modules if name.endswith(f"fails_{case}")]


def test_the_name_an_entry_point_promised_is_absent_after_all(distribute: Distribute) -> None:
    distribute(
        "late",
        "[srkit.generators]\nlate = late_nets:Net\n",
        {"late_nets.py": "def __getattr__(name):\n    raise AttributeError(name)\n"},
    )
    with pytest.raises(BrokenComponent, match="generator late:late: late_nets has no 'Net'"):
        Registry.installed().find(GENERATORS, "late", HERE)


def test_what_cannot_be_a_component_is_refused_wherever_it_lies(distribute: Distribute) -> None:
    source = "import srkit\n@srkit.component('generators')\ndef net(scale, width=3): ...\nvalue = 3\n"
    folder = distribute("bad", "[srkit.generators]\nbad = bad_nets:net\n", {"bad_nets.py": source})
    for use in ("bad", "bad_nets:net", "./bad_nets.py:net"):
        with pytest.raises(ContractError, match="option 'width' has no type. Write: 'width: int = 3'"):
            Registry.installed().find(GENERATORS, use, folder)
    with pytest.raises(ContractError, match="cannot be called"):
        Registry.installed().find(GENERATORS, "./bad_nets.py:value", folder)


# --- the registry as a value ------------------------------------------------------------------------------------------


def fine(*, scale: int) -> object: ...


def unfit(scale: int, width=3) -> object: ...  # type: ignore[no-untyped-def]


def test_register_is_all_or_nothing() -> None:
    registry = Registry()
    with pytest.raises(ContractError, match="Write: 'width: int = 3'"):
        registry.register(GENERATORS, a_fine=fine, unfit=unfit)
    assert registry.entries() == []
    registry.register(GENERATORS, "mine", a_fine=fine)
    assert registry.find(GENERATORS, "mine:a-fine", HERE) is not None
    with pytest.raises(ContractError, match="mine offers 'a-fine' of generators twice"):
        registry.register(GENERATORS, "mine", new=fine, a_fine=fine)
    assert [entry.name for entry in registry.entries()] == ["a-fine"]
    with pytest.raises(ContractError, match="twice"):
        registry.register(GENERATORS, "mine", x_y=fine, **{"x-y": fine})
    assert len(registry.entries()) == 1


def test_registries_do_not_know_of_each_other() -> None:
    one, other = Registry(), Registry()
    one.register(GENERATORS, net=fine)
    assert one.find(GENERATORS, "net", HERE).factory is fine
    with pytest.raises(NotFound, match="Searched the 0 registered generators"):
        other.find(GENERATORS, "net", HERE)
    assert one.listings()[0].state == "ok"


@pytest.mark.parametrize("kind", list(KINDS.values()), ids=lambda kind: kind.plural)
def test_kinds_in_the_forms_people_type(kind: Any) -> None:
    for name in (kind.plural, kind.singular, kind.group):
        for text in (name, name.replace("_", "-"), name.replace("_", " "), name.upper(), f" {name.title()} "):
            assert kind_named(text) is kind


def test_what_is_no_kind() -> None:
    with pytest.raises(UserError, match="no kind of component is called 'genrator'. Did you mean 'generator'"):
        kind_named("genrator")
    with pytest.raises(UserError, match="Kinds: generators, blocks"):
        kind_named("zzz")


# --- files in other processes -----------------------------------------------------------------------------------------


def answer(component: Any, pipe: Any) -> None:
    pipe.send(component(3))


@pytest.mark.parametrize("method", ["spawn", "fork"])
def test_what_a_file_holds_reaches_another_process(method: str, registry: Registry, tmp_path: Path) -> None:
    if method not in multiprocessing.get_all_start_methods():
        pytest.skip(f"this platform cannot {method}")
    (tmp_path / "net.py").write_text(NET)
    made = registry.find(GENERATORS, "./net.py:small", tmp_path).factory(scale=2)
    context: Any = multiprocessing.get_context(method)
    ours, theirs = context.Pipe()
    process = context.Process(target=answer, args=(made, theirs))
    process.start()
    theirs.close()
    assert ours.poll(60) and ours.recv() == 7
    process.join()


def test_a_file_that_changed_since_is_not_taken_for_what_it_was(registry: Registry, tmp_path: Path) -> None:
    (tmp_path / "net.py").write_text(NET)
    factory = registry.find(GENERATORS, "./net.py:Net", tmp_path).factory
    pickled = pickle.dumps(factory(scale=2))
    assert pickle.loads(pickled)(1) == 10
    del sys.modules[factory.__module__]
    (tmp_path / "net.py").write_text(NET + "\n# changed\n")
    with pytest.raises(ImportError, match="net.py was changed since this run loaded it"):
        pickle.loads(pickled)
