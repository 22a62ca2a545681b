"""Whose code is loaded: which folders count, what of a run, and what is never loaded."""

from __future__ import annotations

import hashlib
import importlib.util
import json
import os
import py_compile
from pathlib import Path

import pytest

from srkit.errors import UserError
from srkit.registry import KINDS, BrokenComponent, NotFound, Registry, Trust, Untrusted
from srkit.registry.code import code_digest
from srkit.registry.trust import Question
from srkit.registry.trusted import forget, read_trusted, trust_code, trust_folder
from tests.registry.conftest import Distribute

GENERATORS = KINDS["generators"]
TELLING = """
from pathlib import Path

Path({marker!r}).touch()


class Net:
    def __init__(self, scale: int, width: int = 8) -> None: ...
"""
linked = pytest.mark.skipif(os.name == "nt", reason="links need rights there")


@pytest.fixture
def place(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder with nothing trusted yet."""
    monkeypatch.setenv("SRKIT_CONFIG", str(tmp_path / "config"))
    (tmp_path / "work").mkdir()
    return tmp_path / "work"


def code(folder: Path, name: str = "net.py") -> Path:
    """A file that tells when it is run."""
    folder.mkdir(parents=True, exist_ok=True)
    (folder / name).write_text(TELLING.format(marker=str(folder.parent / f"ran-{Path(name).stem}")))
    return folder / name


def run_folder(folder: Path, *parts: str) -> Path:
    """A folder as a run's, with own code and further parts."""
    code(folder / "code")
    (folder / "experiment.toml").touch()
    for part in parts:
        (folder / part).touch()
    return folder


def load(use: str, base: Path, trust: Trust | None = None) -> object:
    return Registry(trust=trust).find(GENERATORS, use, base, [base]).factory


def test_nothing_is_trusted_at_first_and_the_refusal_says_what_to_type(place: Path) -> None:
    path = code(place)
    with pytest.raises(Untrusted) as refusal:
        load("./net.py:Net", place)
    digest = hashlib.sha256(path.read_bytes()).hexdigest()
    assert str(refusal.value) == (
        f"not built: code you have not trusted: {path} (8 lines, sha256 {digest}). "
        f"Read it, then type: srkit trust {place}"
    )
    assert not (place.parent / "ran-net").exists()
    trust_folder(place)
    load("./net.py:Net", place)
    assert (place.parent / "ran-net").exists()


def test_a_trusted_folder_includes_what_lies_below_it_and_nothing_beside_it(place: Path) -> None:
    trust_folder(place / "mine")
    for folder in (place / "mine", place / "mine" / "deep" / "er"):
        code(folder)
        load("./net.py:Net", folder)
    for folder in (place, place / "mine-too"):
        code(folder)
        with pytest.raises(Untrusted):
            load("./net.py:Net", folder)


def test_both_the_experiment_s_folder_and_the_file_s_are_asked_for(place: Path) -> None:
    code(place / "nets")
    (place / "theirs").mkdir()
    trust_folder(place / "nets")
    with pytest.raises(Untrusted, match=r"srkit trust \S+theirs$"):
        load("../nets/net.py:Net", place / "theirs")
    with pytest.raises(Untrusted, match=r"srkit trust \S+theirs$"):
        load(f"{place}/nets/net.py:Net", place / "theirs")
    trust_folder(place / "theirs")
    load("../nets/net.py:Net", place / "theirs")


@linked
def test_a_link_counts_for_where_it_leads(place: Path) -> None:
    code(place / "theirs")
    (place / "mine").mkdir()
    trust_folder(place / "mine")
    (place / "mine" / "net.py").symlink_to(place / "theirs" / "net.py")
    (place / "mine" / "sub").symlink_to(place / "theirs")
    for use in ("./net.py:Net", "./sub/net.py:Net"):
        with pytest.raises(Untrusted):
            load(use, place / "mine")
    (place / "way").symlink_to(place / "theirs")
    trust_folder(place / "way")
    load("./net.py:Net", place / "way")


@pytest.mark.parametrize("folder", ["/", "~", "~/..", "~/Downloads", "~/Laden"])
def test_what_is_never_trusted(folder: str, place: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    home = place / "home"
    (home / ".config").mkdir(parents=True)
    (home / ".config" / "user-dirs.dirs").write_text('# of the desktop\nXDG_DOWNLOAD_DIR="$HOME/Laden"\n')
    monkeypatch.setenv("HOME", str(home))
    monkeypatch.setenv("USERPROFILE", str(home))
    monkeypatch.delenv("XDG_CONFIG_HOME", raising=False)
    with pytest.raises(UserError, match="is never trusted: .*Keep code and experiments in a folder of their own"):
        trust_folder(Path(folder).expanduser())
    trust_folder(home / "Downloads" / "studied")
    assert len(read_trusted().folders) == 1


def test_in_such_a_folder_the_way_out_is_another_one(place: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HOME", str(place))
    monkeypatch.setenv("USERPROFILE", str(place))
    code(place)
    asked: list[Question] = []
    with pytest.raises(
        Untrusted, match="keep code and experiments in a folder of their own, or read it and give --trust"
    ):
        load("./net.py:Net", place, Trust(ask=lambda one: bool(asked.append(one)) or True))
    assert not asked


# --- runs ---------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("parts", [(), ("manifest.json",), ("checkpoints",)])
def test_a_run_in_a_trusted_folder_is_known_by_its_code_alone(parts: tuple[str, ...], place: Path) -> None:
    trust_folder(place)
    run = run_folder(place / "runs" / "x", *parts)
    with pytest.raises(Untrusted, match=r"of a run's code with the sha256 [0-9a-f]{64}.* srkit trust \S+x$"):
        load("./code/net.py:Net", run)
    Trust().record_code(run)
    load("./code/net.py:Net", run)


def test_a_run_s_code_is_trusted_wherever_it_goes_and_as_it_was(place: Path) -> None:
    run = run_folder(place / "x", "manifest.json")
    Trust().record_code(run)
    run.rename(place / "y")
    (place / "x").mkdir()  # where the code leaves its mark
    load("./code/net.py:Net", place / "y")
    (place / "y" / "code" / "more.txt").touch()
    with pytest.raises(Untrusted):
        load("./code/net.py:Net", place / "y")
    (place / "y" / "code" / "more.txt").unlink()
    load("./code/net.py:Net", place / "y")
    with (place / "y" / "code" / "net.py").open("a") as file:
        file.write("# changed\n")
    with pytest.raises(Untrusted):
        load("./code/net.py:Net", place / "y")


@pytest.mark.parametrize("use", ["../mine/net.py:Net", "./net.py:Net", "./code/deep/net.py:Net"])
def test_a_run_s_file_names_only_what_lies_in_its_code(use: str, place: Path) -> None:
    trust_folder(place / "mine")
    code(place / "mine")
    run = run_folder(place / "x", "manifest.json")
    code(run)
    code(run / "code" / "deep")
    Trust().record_code(run)
    with pytest.raises(Untrusted, match="a run's files may name only what lies in"):
        load(use, run)
    load(use, run, Trust(everything=True))


def test_a_study_s_folder_is_nobody_s_own(place: Path) -> None:
    trust_folder(place)
    (place / "study" / "study" / "cell").mkdir(parents=True)
    (place / "study" / "study.json").touch()
    code(place / "study")
    code(place / "study" / "study" / "cell")
    for base in (place / "study", place / "study" / "study" / "cell"):
        with pytest.raises(Untrusted):
            load("./net.py:Net", base)


def test_the_hash_of_code_is_of_names_contents_and_links(tmp_path: Path) -> None:
    (tmp_path / "a").mkdir()
    assert code_digest(tmp_path / "a") == code_digest(tmp_path / "absent") == hashlib.sha256().hexdigest()
    (tmp_path / "a" / "x.py").write_text("one")
    first = code_digest(tmp_path / "a")
    (tmp_path / "a" / "x.py").rename(tmp_path / "a" / "y.py")
    assert code_digest(tmp_path / "a") != first
    (tmp_path / "a" / "y.py").rename(tmp_path / "a" / "x.py")
    assert code_digest(tmp_path / "a") == first
    if os.name != "nt":
        (tmp_path / "b").mkdir()
        (tmp_path / "b" / "x.py").symlink_to(tmp_path / "a" / "x.py")
        assert code_digest(tmp_path / "b") != first


# --- the answer ---------------------------------------------------------------------------------------------------


def test_the_question_is_asked_once_a_folder_and_a_yes_is_recorded(place: Path) -> None:
    code(place)
    code(place, "other.py")
    code(place / "sub", "third.py")
    asked: list[Question] = []
    trust = Trust(ask=lambda one: bool(asked.append(one)) or True)
    registry = Registry(trust=trust)
    for use in ("./net.py:Net", "./other.py:Net", "./sub/third.py:Net"):
        registry.find(GENERATORS, use, place, [place])
    assert len(asked) == 1 and asked[0].file.path == place / "net.py"
    assert [one.path.name for one in asked[0].places[0].files()] == ["net.py", "other.py", "third.py"]
    assert read_trusted().folders == (place,)
    load("./net.py:Net", place)


def test_a_no_is_not_asked_again_and_not_recorded(place: Path) -> None:
    code(place)
    code(place, "other.py")
    asked: list[Question] = []
    registry = Registry(trust=Trust(ask=lambda one: bool(asked.append(one))))
    for use in ("./net.py:Net", "./other.py:Net"):
        with pytest.raises(Untrusted):
            registry.find(GENERATORS, use, place, [place])
    assert len(asked) == 1 and not read_trusted().folders


def test_everything_is_not_recorded(place: Path) -> None:
    run = run_folder(place / "x", "manifest.json")
    trust = Trust(everything=True)
    load("./code/net.py:Net", run, trust)
    trust.record_code(run)
    assert not (place.parent / "config").exists()


def test_forgetting_takes_back_what_lies_in_a_folder(place: Path) -> None:
    run = run_folder(place / "a" / "x", "manifest.json")
    trust_folder(place / "a")
    trust_folder(place / "b")
    trust_code(code_digest(run / "code"), run)
    assert len(forget(place / "a")) == 2
    assert (read_trusted().folders, dict(read_trusted().code)) == ((place / "b",), {})


@pytest.mark.parametrize(
    "text", ["", "[]", "{}", '{"folders": ["relative"], "code": {}}', '{"folders": 3, "code": {}}']
)
def test_a_damaged_file_is_named(text: str, place: Path) -> None:
    (place.parent / "config").mkdir()
    (place.parent / "config" / "trusted.json").write_text(text)
    with pytest.raises(UserError, match=r"trusted\.json cannot be read .*; delete it and trust your folders again"):
        read_trusted()


# --- never --------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "use",
    ["//host/share/net.py:Net", "\\\\host\\share\\net.py:Net", "file:///tmp/net.py:Net", "https://x.org/net.py:Net"],
)
def test_code_never_comes_from_another_machine(use: str, place: Path) -> None:
    with pytest.raises(NotFound, match="code is never loaded from another machine"):
        load(use, place, Trust(everything=True))


def test_only_the_source_counts_and_not_what_was_compiled(place: Path) -> None:
    trust_folder(place)
    path = code(place)
    evil = place / "evil.py"
    evil.write_text(path.read_text() + f"open({str(place / 'pwned')!r}, 'w').close()\n")
    compiled = Path(importlib.util.cache_from_source(str(path)))
    py_compile.compile(str(evil), str(compiled), invalidation_mode=py_compile.PycInvalidationMode.UNCHECKED_HASH)
    load("./net.py:Net", place)
    assert (place.parent / "ran-net").exists() and not (place / "pwned").exists()


@pytest.mark.parametrize(
    "use",
    [
        *("srkit.data.placing:place_bytes", "srkit.training.folder:new_folder", "srkit.registry.files:load_file"),
        *("os:system", "subprocess:run", "pathlib:Path", "builtins:eval", "shutil:rmtree", "runpy:run_path"),
        *("click:echo", "numpy:memmap", "torch:load", "torch.nn:Conv2d", "safetensors.torch:save_file", "pytest:main"),
        "srkit.components.generators.espcn:Espcn",
    ],
)
def test_what_nobody_declared_is_no_component(use: str, place: Path) -> None:
    for kind in ("generators", "datasets", "pixel_losses", "launchers"):
        with pytest.raises(NotFound, match=r"not declared as a component|neither a distribution|registered name"):
            Registry.installed(Trust(everything=True)).find(KINDS[kind], use, place)


def test_a_module_counts_only_where_an_installed_distribution_lists_it(
    distribute: Distribute, place: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    declared = "import srkit\n\n\n@srkit.component('generators')\nclass Net:\n    def __init__(self, scale: int) -> None: ...\n"
    folder = distribute("listed", "", {"listed_nets.py": declared})
    (folder / "unlisted_nets.py").write_text(declared)
    assert Registry.installed().find(GENERATORS, "listed_nets:Net", place).name == "Net"
    with pytest.raises(NotFound):
        Registry.installed().find(GENERATORS, "unlisted_nets:Net", place)
    monkeypatch.setenv("PYTHONPATH", str(folder))
    with pytest.raises(NotFound):
        Registry.installed().find(GENERATORS, "listed_nets:Net", place)
    monkeypatch.delenv("PYTHONPATH")
    monkeypatch.chdir(folder)
    with pytest.raises(NotFound):
        Registry.installed().find(GENERATORS, "listed_nets:Net", place)


SHADOWED = """
import srkit as kit
from srkit import component as part


@part("blocks")
class Block: ...


@kit.component("generators")
def net(scale: int) -> object: ...


@kit.component("generators")
@kit.component("blocks")
class Both: ...


def component(kind):
    return lambda one: one


@component("generators")
class Fake: ...


class Later: ...


Later = kit.component("generators")(Later)


@kit.component("blocks")
class Twice: ...


class Twice: ...
"""


@pytest.mark.parametrize(
    ("name", "kinds"),
    [
        ("Block", ["blocks"]),
        ("net", ["generators"]),
        ("Both", ["generators", "blocks"]),
        ("Fake", []),
        ("Later", []),
        ("Twice", []),
    ],
)
def test_the_mark_is_read_from_the_source(name: str, kinds: list[str], distribute: Distribute) -> None:
    from srkit.registry.loading import kinds_declared

    distribute("marks", "", {"marked.py": SHADOWED + "raise SystemExit('it ran')\n"})
    assert kinds_declared(f"marked:{name}") == kinds


def test_a_module_that_would_be_imported_in_its_place_is_refused(
    distribute: Distribute, place: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    declared = "import srkit\n\n\n@srkit.component('generators')\nclass Net: ...\n"
    distribute("real", "", {"shadowed_nets.py": declared})
    (place / "shadowed_nets.py").write_text(f"open({str(place / 'pwned')!r}, 'w')\n" + declared)
    monkeypatch.chdir(place)
    monkeypatch.syspath_prepend("")
    with pytest.raises(BrokenComponent, match="hides the installed"):
        Registry.installed().find(GENERATORS, "shadowed_nets:Net", place)
    assert not (place / "pwned").exists()


def test_the_mark_wants_a_kind_that_there_is() -> None:
    import srkit

    for kind in ("generator", "feature-losses", "plugins", "commands", "generatorz"):
        with pytest.raises(UserError, match=r"there is no such kind\."):
            srkit.component(kind)(object)


def test_what_was_recorded_lies_where_the_variable_says(place: Path) -> None:
    trust_folder(place)
    stored = json.loads((place.parent / "config" / "trusted.json").read_text())
    assert stored == {"folders": [str(place.resolve())], "code": {}}
