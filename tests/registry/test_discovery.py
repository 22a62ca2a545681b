"""What installed distributions offer is known without importing them, and one that is broken spoils nothing."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from srkit.registry import KINDS, BrokenComponent, Listing, NotFound, Registry
from tests.registry.conftest import Distribute

GENERATORS = KINDS["generators"]
NET = '''
raise RuntimeError("imported")
class Net:
    """A net of {0}. And more.

    Args:
        width: how wide.
    """
    def __init__(self, scale: int, width: int = 8) -> None: ...
'''
LOADABLE = NET.replace('raise RuntimeError("imported")\n', "")


def listing(name: str, distribution: str, kind: str = "generators") -> Listing:
    (found,) = [
        one
        for one in Registry.installed().listings(KINDS[kind])
        if one.entry.name == name and one.entry.distribution == distribution
    ]
    return found


def test_a_summary_comes_without_importing(distribute: Distribute) -> None:
    distribute(
        "fake-nets", "[srkit.generators]\nfake = fake_nets:Net\n", {"fake_nets.py": NET.format("fakes")}, version="2.5"
    )
    found = listing("fake", "fake-nets")
    assert (found.summary, found.state, found.reason) == ("A net of fakes.", "ok", "")
    assert (found.entry.version, found.entry.qualified) == ("2.5", "fake-nets:fake")
    assert "fake_nets" not in sys.modules


REEXPORTS = {
    "package": (
        {"pkg_a/__init__.py": "from .deep.net import Net\n", "pkg_a/deep/__init__.py": "", "pkg_a/deep/net.py": NET},
        "pkg_a:Net",
    ),
    "renamed twice": (
        {
            "pkg_b/__init__.py": "from pkg_b.one import Second as Net\n",
            "pkg_b/one.py": "from . import two\nfrom .two import Net as Second\n",
            "pkg_b/two.py": NET,
        },
        "pkg_b:Net",
    ),
    "a module's attribute": ({"pkg_c/__init__.py": "from . import net\n", "pkg_c/net.py": NET}, "pkg_c:net.Net"),
    "another name": ({"pkg_d.py": NET + "\nOther = Net\n"}, "pkg_d:Other"),
    "partial": (
        {"pkg_e.py": "from functools import partial\n" + NET + "\nwide = partial(Net, width=64)\n"},
        "pkg_e:wide",
    ),
    "an object": ({"pkg_i.py": NET + "\nnet = Net()\n"}, "pkg_i:net"),
    "namespace packages": ({"space_f/inner/net.py": NET}, "space_f.inner.net:Net"),
    "nested class": (
        {
            "pkg_g.py": "class Nets:\n    '''Many.'''\n"
            + "\n".join("    " + line for line in NET.replace("raise", "x = 1 #").splitlines())
        },
        "pkg_g:Nets.Net",
    ),
    "either import": (
        {
            "pkg_h/__init__.py": "try:\n    from absent_h import Net\nexcept ImportError:\n    from .net import Net\n",
            "pkg_h/net.py": NET,
        },
        "pkg_h:Net",
    ),
}


@pytest.mark.parametrize("case", REEXPORTS)
def test_reexports_are_followed(case: str, distribute: Distribute) -> None:
    modules, target = REEXPORTS[case]
    distribute(
        "again",
        f"[srkit.generators]\nagain = {target}\n",
        {file: text.format("again") for file, text in modules.items()},
    )
    found = listing("again", "again")
    assert (found.summary, found.state) == ("A net of again.", "ok")
    assert not {name for name in sys.modules if name.startswith(("pkg_", "space_"))}


UNCOMMON = {
    "tuple": "Net, Other = make()\n",
    "loop": "for Net in nets: pass\n",
    "walrus": "print(Net := 1)\n",
    "globals": "globals()['N' + 'et'] = 1\n",
    "module getattr": "def __getattr__(name): ...\n",
    "star": "from json import *\n",
    "with": "import warnings\nwith warnings.catch_warnings():\n    class Net: ...\n",
    "setattr": "import sys\nsetattr(sys.modules[__name__], 'Net', 1)\n",
    "except": "try:\n    from absent_module import Net\nexcept ImportError:\n    Net = None\n",
    "if": "import sys\nif sys.version_info > (4,):\n    from absent_module import Net\nelse:\n    Net = None\n",
}


@pytest.mark.parametrize("case", UNCOMMON)
def test_what_cannot_be_seen_is_not_called_broken(case: str, distribute: Distribute) -> None:
    distribute("odd", "[srkit.generators]\nodd = odd_nets:Net\n", {"odd_nets.py": UNCOMMON[case]})
    assert listing("odd", "odd").state == "ok"


BROKEN = {
    "absent module": ("absent_nets:Net", {}, (), "there is no module absent_nets"),
    "absent submodule": ("some_nets.deep:Net", {"some_nets.py": ""}, (), "there is no module some_nets.deep"),
    "absent name": ("some_nets:Net", {"some_nets.py": "class Nett: ..."}, (), "some_nets has no Net"),
    "absent behind a re-export": (
        "some_nets:Net",
        {"some_nets.py": "from absent_nets import Net"},
        (),
        "there is no module absent_nets",
    ),
    "syntax error": (
        "some_nets:Net",
        {"some_nets.py": "x = 1\nclass Net(:"},
        (),
        "some_nets.py, line 2: invalid syntax",
    ),
    "not installed": (
        "some_nets:Net",
        {"some_nets.py": NET},
        ("no-such-thing>=2",),
        "broken-one needs no-such-thing, which is not installed",
    ),
    "too old": ("some_nets:Net", {"some_nets.py": NET}, ("click>=999",), "broken-one needs click>=999 (installed: "),
    "no requirement": (
        "some_nets:Net",
        {"some_nets.py": NET},
        ("???",),
        "broken-one needs '???', which is not a requirement",
    ),
    "no attribute": ("some_nets", {"some_nets.py": NET}, (), "'some_nets' names no class or function after a colon"),
    "not a target": ("some nets/Net", {}, (), "'some nets/Net' is not of the form package.module:Name"),
    "dots": ("..:Net", {}, (), "'..:Net' is not of the form"),
    "empty": ("", {}, (), "'' is not of the form"),
}


@pytest.mark.parametrize("case", BROKEN)
def test_broken_ones_are_listed_as_such_and_hurt_nothing_else(case: str, distribute: Distribute) -> None:
    target, modules, requires, reason = BROKEN[case]
    distribute("sound", "[srkit.generators]\nsound = sound_nets:Net\n", {"sound_nets.py": LOADABLE.format("sound")})
    distribute("broken-one", f"[srkit.generators]\nbroken = {target}\n", modules, requires=requires)
    found = listing("broken", "broken-one")
    assert found.state == "broken"
    assert reason in found.reason
    registry = Registry.installed()
    with pytest.raises(BrokenComponent, match="generator broken-one:broken: ") as raised:
        registry.find(GENERATORS, "broken", Path.cwd())
    assert reason in str(raised.value)
    assert registry.find(GENERATORS, "sound", Path.cwd()).version == "1.0"
    assert listing("sound", "sound").state == "ok"
    assert listing("espcn", "srkit").state == "ok"


def test_requirements_of_extras_and_other_platforms_do_not_count(distribute: Distribute) -> None:
    requires = ('absent-a; extra == "dev"', 'absent-b; sys_platform == "amiga"', "click")
    distribute("fine", "[srkit.generators]\nfine = fine_nets:Net\n", {"fine_nets.py": NET}, requires=requires)
    assert listing("fine", "fine").state == "ok"


def test_malformed_entry_points_spoil_only_themselves(distribute: Distribute) -> None:
    text = (
        "nonsense before any group\n[srkit.generators]\nno equals sign\nfine = fine_nets:Net\n# a = comment\n[other\n"
    )
    distribute("malformed", text, {"fine_nets.py": NET})
    assert listing("fine", "malformed").state == "ok"
    assert listing("no equals sign", "malformed").state == "broken"


def test_a_distribution_without_metadata_is_passed_over(tmp_path: Path, distribute: Distribute) -> None:
    folder = distribute("gone", "[srkit.generators]\ngone = gone:Net\n")
    next(folder.glob("*.dist-info/METADATA")).unlink()
    (folder / "binary-1.0.dist-info").mkdir()
    (folder / "binary-1.0.dist-info" / "entry_points.txt").write_bytes(b"[srkit.generators]\n\xff\xfe = x:Y")
    names = {one.entry.name for one in Registry.installed().listings()}
    assert "espcn" in names and "gone" not in names


def test_the_first_distribution_on_the_path_counts(distribute: Distribute) -> None:
    distribute("My.Nets", "[srkit.generators]\nold = x:Y\n", version="1.0")
    distribute("my-nets", "[srkit.generators]\nnew = x:Y\n", version="2.0")
    names = {one.entry.name for one in Registry.installed().listings(GENERATORS)}
    assert "new" in names and "old" not in names


def test_unknown_groups_are_left_aside(distribute: Distribute) -> None:
    distribute("strange", "[srkit.nonsense]\na = x:Y\n[console_scripts]\nb = x:Y\n")
    assert not [one for one in Registry.installed().entries() if one.distribution == "strange"]


@pytest.mark.parametrize(
    ("lines", "page"),
    [
        (["Home-page: https://old"], "https://old"),
        (["Project-URL: Bug Tracker, https://bugs", "Project-URL: Source Code, https://code"], "https://code"),
        (["Project-URL: repository, https://code", "Project-URL: Home Page, https://home"], "https://home"),
        (["Project-URL: Documentation, https://docs", "Project-URL: GitHub, https://code"], "https://code"),
        (["Project-URL: Funding, https://money"], ""),
    ],
)
def test_the_home_page_is_the_project_s_best_address(lines: list[str], page: str, distribute: Distribute) -> None:
    folder = distribute("homely", "[srkit.generators]\nhomely = homely_nets:Net\n", {"homely_nets.py": NET})
    metadata = next(folder.glob("*.dist-info/METADATA"))
    metadata.write_text(metadata.read_text() + "\n".join(lines) + "\n")
    assert listing("homely", "homely").entry.home_page == page


# --- conflicts --------------------------------------------------------------------------------------------------------


def test_one_name_from_two_distributions(distribute: Distribute) -> None:
    for name in ("first-one", "second"):
        module = name.replace("-", "_")
        distribute(name, f"[srkit.generators]\nnet = {module}:Net\n", {f"{module}.py": LOADABLE.format(name)})
    first, second = listing("net", "first-one"), listing("net", "second")
    assert first.state == second.state == "conflict"
    assert first.reason == "also offered as second:net: write the qualified name"
    registry = Registry.installed()
    with pytest.raises(NotFound) as raised:
        registry.find(GENERATORS, "net", Path.cwd())
    assert "2 distributions offer the generator 'net'" in str(raised.value)
    assert "'first-one:net'" in raised.value.hint and "'second:net'" in raised.value.hint
    for use in ("first-one:net", "first_one:net", "First.One:net"):
        assert registry.find(GENERATORS, use, Path.cwd()).distribution == "first-one"
    assert registry.find(GENERATORS, "second:net", Path.cwd()).use == "second:net"


def test_a_built_in_name_taken_by_a_plugin_is_a_conflict_too(distribute: Distribute) -> None:
    distribute("rival", "[srkit.generators]\nespcn = rival_nets:Net\n", {"rival_nets.py": LOADABLE.format("x")})
    registry = Registry.installed()
    with pytest.raises(NotFound, match="'rival:espcn' or 'srkit:espcn'|'srkit:espcn' or 'rival:espcn'"):
        registry.find(GENERATORS, "espcn", Path.cwd())
    assert registry.find(GENERATORS, "srkit:espcn", Path.cwd()).factory.__name__ == "Espcn"


def test_the_same_name_of_two_kinds_is_no_conflict(distribute: Distribute) -> None:
    text = "[srkit.generators]\nsame = same_a:Net\n[srkit.discriminators]\nsame = same_a:Net\n"
    distribute("same", text, {"same_a.py": LOADABLE.format("x")})
    assert listing("same", "same").state == "ok"


def test_a_name_twice_in_one_distribution_says_so(distribute: Distribute) -> None:
    distribute(
        "twice", "[srkit.generators]\nnet = a:B\nnet = twice_nets:Net\n", {"twice_nets.py": LOADABLE, "a.py": LOADABLE}
    )
    listings = [one for one in Registry.installed().listings(GENERATORS) if one.entry.distribution == "twice"]
    assert [one.reason for one in listings if one.state == "conflict"] == ["twice offers it twice"]
    with pytest.raises(BrokenComponent, match="twice offers it twice"):
        Registry.installed().find(GENERATORS, "twice:net", Path.cwd())


# --- SRKIT_LOAD_PLUGINS -----------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("value", "seen"),
    [
        (None, {"a", "b-c"}),
        ("", set()),
        ("a", {"a"}),
        ("B_C", {"b-c"}),
        ("a, b.c", {"a", "b-c"}),
        ("a b-c", {"a", "b-c"}),
        ("srkit", set()),
    ],
)
def test_load_plugins_limits_what_is_looked_at(
    value: str | None, seen: set[str], distribute: Distribute, monkeypatch: pytest.MonkeyPatch
) -> None:
    distribute("a", "[srkit.generators]\nnet-a = x:Y\n")
    distribute("b-c", "[srkit.generators]\nnet-b = x:Y\n")
    if value is not None:
        monkeypatch.setenv("SRKIT_LOAD_PLUGINS", value)
    entries = Registry.installed().entries()
    assert {entry.distribution for entry in entries} >= seen | {"srkit"}
    assert {entry.distribution for entry in entries} & {"a", "b-c"} == seen


def test_what_is_not_found_tells_of_the_limit(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SRKIT_LOAD_PLUGINS", "")
    with pytest.raises(NotFound, match=r"\(SRKIT_LOAD_PLUGINS limits them to: built-ins\)"):
        Registry.installed().find(GENERATORS, "net-a", Path.cwd())


def test_listing_everything_imports_no_component_and_no_torch() -> None:
    code = (
        "import sys; from srkit.registry import Registry; Registry.installed().listings();"
        "print(*[m for m in sys.modules if m.startswith(('torch', 'srkit.components'))])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, env=os.environ, timeout=60)
    assert (done.stdout.strip(), done.returncode) == ("", 0), done.stderr
