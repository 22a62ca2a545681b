"""Somebody else's package: built as a wheel, installed, listed, trained with, broken in several ways, isolated."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from pathlib import Path
from subprocess import CompletedProcess
from typing import Any

import pytest

from tests.plugins.third_party import BUILT_IN_GENERATOR, EXPERIMENT, write_package
from tests.plugins.wheels import build, install, python, write_photos

OWN = ("blocks", "gated"), ("commands", "weave"), ("generators", "woven"), ("plugins", "diary")


@pytest.fixture(scope="module")
def installed(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("weave")
    return install(build(write_package(folder / "source"), folder / "wheels"), folder / "site")


@pytest.fixture
def site(installed: Path, tmp_path: Path) -> Path:
    """A copy that a test may break."""
    return Path(shutil.copytree(installed, tmp_path / "site"))


@pytest.fixture
def workplace(tmp_path: Path) -> Path:
    folder = tmp_path / "work"
    write_photos(folder / "photos")
    (folder / "woven.toml").write_text(EXPERIMENT, encoding="utf-8")
    return folder


Srkit = Callable[..., CompletedProcess[str]]


@pytest.fixture
def srkit(site: Path, workplace: Path, monkeypatch: pytest.MonkeyPatch) -> Srkit:
    monkeypatch.setenv("SRKIT_LOAD_PLUGINS", "srkit-weave")
    return lambda *arguments: python("-m", "srkit", *arguments, path=site, cwd=workplace)


def rows(done: CompletedProcess[str]) -> dict[tuple[str, str], dict[str, Any]]:
    assert done.returncode == 0, done.stderr
    return {(row["kind"], row["name"]): row for row in json.loads(done.stdout)}


def test_it_is_listed_with_what_its_author_wrote(srkit: Srkit) -> None:
    found = rows(srkit("list", "--json"))
    assert {key for key, row in found.items() if row["distribution"] == "srkit-weave"} == set(OWN)
    assert found["blocks", "gated"] == {
        "kind": "blocks",
        "name": "gated",
        "qualified": "srkit-weave:gated",
        "summary": "A convolution whose output opens and shuts itself.",
        "distribution": "srkit-weave",
        "version": "1.2",
        "state": "ok",
        "reason": "",
    }
    assert found["plugins", "diary"]["summary"].startswith("Writes a line into `diary.txt`")


def test_it_is_shown(srkit: Srkit) -> None:
    shown = srkit("show", "generators", "woven").stdout
    assert "from srkit-weave 1.2 https://example.org/weave" in shown
    assert "a block" in shown and "(required)" in shown
    block = json.loads(srkit("show", "block", "srkit-weave:gated", "--json").stdout)
    assert block["parameters"] == 64 * 64 * 9 + 64
    assert [one["name"] for one in block["options"]] == ["kernel"]


def test_it_trains_and_its_hooks_are_called(srkit: Srkit, workplace: Path) -> None:
    done = srkit("run", "woven.toml", "--out", "run", "--quiet")
    assert done.returncode == 0, done.stderr
    assert (workplace / "run" / "diary.txt").read_text() == "1\n2\n"
    manifest = (workplace / "run" / "manifest.json").read_text()
    assert "srkit-weave 1.2" in manifest
    assert (workplace / "run" / "scores.json").is_file()
    upscaled = srkit("upscale", "photos/a.png", "--model", "run")
    assert upscaled.returncode == 0, upscaled.stderr


def test_its_command_joins_the_command_line(srkit: Srkit) -> None:
    assert "weave    Weave." in srkit("--help").stdout
    assert srkit("weave").stdout == "woven\n"


def needs_what_is_not_there(site: Path) -> None:
    (metadata,) = site.glob("srkit_weave-*.dist-info/METADATA")
    text = metadata.read_text(encoding="utf-8")
    metadata.write_text(text.replace("Requires-Dist: srkit\n", "Requires-Dist: srkit\nRequires-Dist: loom>=3\n", 1))


def has_a_syntax_error(site: Path) -> None:
    with (site / "srkit_weave" / "blocks.py").open("a", encoding="utf-8") as file:
        file.write("def :\n")


def lost_its_class(site: Path) -> None:
    file = site / "srkit_weave" / "blocks.py"
    file.write_text(file.read_text(encoding="utf-8").replace("class Gated", "class Gate"))


def lost_its_module(site: Path) -> None:
    (site / "srkit_weave" / "blocks.py").unlink()


@pytest.mark.parametrize(
    ("damage", "reason"),
    [
        (needs_what_is_not_there, "srkit-weave needs loom, which is not installed"),
        (has_a_syntax_error, "syntax error in"),
        (lost_its_class, "srkit_weave.blocks has no Gated"),
        (lost_its_module, "there is no module srkit_weave.blocks"),
    ],
)
def test_broken_it_hurts_nothing_else_and_whoever_uses_it_is_told_why(
    damage: Callable[[Path], None], reason: str, site: Path, srkit: Srkit, workplace: Path
) -> None:
    damage(site)
    found = rows(srkit("list", "--json"))
    assert found["blocks", "gated"]["state"] == "broken"
    assert reason in found["blocks", "gated"]["reason"]
    assert all(row["state"] == "ok" for row in found.values() if row["distribution"] == "srkit")
    using = srkit("run", "woven.toml", "--out", "run")
    assert using.returncode == 2
    assert "woven.toml:" in using.stderr and reason in using.stderr
    assert "Traceback" not in using.stderr
    assert not (workplace / "run").exists()


def test_a_run_without_it_goes_on_when_its_hooks_cannot_be_loaded(site: Path, srkit: Srkit) -> None:
    needs_what_is_not_there(site)
    done = srkit("run", "woven.toml", *BUILT_IN_GENERATOR, "--out", "run", "--quiet")
    assert done.returncode == 0, done.stderr
    assert "loom" in done.stderr
    assert "srkit-weave 1.2" in srkit("doctor").stdout
    assert "broken" in srkit("--help").stdout
    weave = srkit("weave")
    assert weave.returncode == 2 and "loom" in weave.stderr and "Traceback" not in weave.stderr


def test_what_only_an_import_can_tell_is_told_by_verify(site: Path, srkit: Srkit) -> None:
    with (site / "srkit_weave" / "blocks.py").open("a", encoding="utf-8") as file:
        file.write("raise OSError('no loom here')\n")
    assert rows(srkit("list", "blocks", "--json"))["blocks", "gated"]["state"] == "ok"
    found = rows(srkit("list", "blocks", "--verify", "--json"))["blocks", "gated"]
    assert found["state"] == "broken"
    assert "OSError: no loom here" in found["reason"] and "blocks.py, line" in found["reason"]
    using = srkit("check", "woven.toml")
    assert using.returncode == 2 and "OSError: no loom here" in using.stdout


def test_a_crash_of_the_interpreter_is_survived_by_verify(site: Path, srkit: Srkit) -> None:
    with (site / "srkit_weave" / "blocks.py").open("a", encoding="utf-8") as file:
        file.write("import os\nos.abort()\n")
    found = rows(srkit("list", "blocks", "--verify", "--json"))["blocks", "gated"]
    assert found["state"] == "broken"
    assert "ended" in found["reason"] or "abort" in found["reason"].lower()


def test_the_allow_list_leaves_it_out(srkit: Srkit, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SRKIT_LOAD_PLUGINS", "")
    assert {row["distribution"] for row in rows(srkit("list", "--json")).values()} == {"srkit"}
    monkeypatch.setenv("SRKIT_LOAD_PLUGINS", "Srkit_Weave")
    assert ("blocks", "gated") in rows(srkit("list", "--json"))


def test_two_of_one_name_are_told_apart(site: Path, srkit: Srkit) -> None:
    (points,) = site.glob("srkit_weave-*.dist-info/entry_points.txt")
    text = points.read_text(encoding="utf-8")
    points.write_text(text.replace("woven = ", "espcn = "), encoding="utf-8")
    found = [row for row in json.loads(srkit("list", "generators", "--json").stdout) if row["name"] == "espcn"]
    assert {row["state"] for row in found} == {"conflict"}
    assert {row["qualified"] for row in found} == {"srkit:espcn", "srkit-weave:espcn"}
    bare = srkit("check", "woven.toml", "--set", "generator.use=espcn")
    assert bare.returncode == 2
    assert "'srkit:espcn'" in bare.stdout and "'srkit-weave:espcn'" in bare.stdout
    assert srkit("check", "woven.toml", "--set", "generator.use=srkit:espcn").returncode == 0
