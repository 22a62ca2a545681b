"""Two hundred components of fifty distributions: all are listed, and each requirement is looked up once."""

from __future__ import annotations

import importlib
import sys
from importlib import metadata
from pathlib import Path

import pytest

from srkit.registry import KINDS, Registry
from tests.registry import crowd

MANY = 50


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    crowd.write_crowd(tmp_path, MANY)
    monkeypatch.delenv("SRKIT_LOAD_PLUGINS", raising=False)
    monkeypatch.setattr(sys, "path", [*sys.path])
    monkeypatch.syspath_prepend(str(tmp_path))
    importlib.invalidate_caches()
    return tmp_path


def test_all_are_listed_with_their_origin(folder: Path) -> None:
    found = [one for one in Registry.installed().listings() if one.entry.distribution.startswith("example-plugin-")]
    assert len(found) == 4 * MANY
    assert {one.state for one in found} == {"ok"}
    for one in found:
        number = one.entry.distribution.rpartition("-")[2]
        assert one.entry.name == f"thing-{number}" and one.entry.version == f"1.{number}"
        assert one.entry.home_page == f"https://example.org/example-plugin-{number}"
        assert one.summary.startswith(f"Thing number {number} of the {one.entry.kind.plural}")
    assert {one.entry.kind.plural for one in found} == set(crowd.KINDS)
    assert not [name for name in sys.modules if name.startswith("example_plugin_")]


def test_one_that_is_broken_among_them_is_the_only_one(folder: Path) -> None:
    (folder / "example_plugin_7" / "blocks.py").write_text("class Thing7(:\n")
    found = Registry.installed().listings()
    broken = [
        one.entry.qualified for one in found if one.state != "ok" and one.entry.distribution.startswith("example")
    ]
    assert broken == ["example-plugin-7:thing-7"]


def test_a_requirement_is_looked_up_once_for_all(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[str] = []
    version = metadata.version
    monkeypatch.setattr(metadata, "version", lambda name: asked.append(name) or version(name))
    Registry.installed().listings(KINDS["blocks"])
    assert asked.count("torch") <= 2  # srkit itself asks for it in other words


def test_a_command_looks_a_requirement_up_once(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[str] = []
    version = metadata.version
    monkeypatch.setattr(metadata, "version", lambda name: asked.append(name) or version(name))
    registry = Registry.installed()
    for name in ("srkit:plain", "srkit:residual", "srkit:residual-dense"):
        registry.find(KINDS["blocks"], name, folder)
    assert asked.count("pillow") == 1


def test_what_is_installed_meanwhile_is_seen_by_the_next_question(folder: Path) -> None:
    (info,) = folder.glob("example_plugin_3-*.dist-info")
    text = (info / "METADATA").read_text()
    (info / "METADATA").write_text(text.replace("Requires-Dist: srkit\n", "Requires-Dist: late-comer\n"))
    registry = Registry.installed()

    def state() -> str:
        listings = registry.listings(KINDS["blocks"])
        return next(one.state for one in listings if one.entry.distribution == "example-plugin-3")

    assert state() == "broken"
    late = folder / "late_comer-1.0.dist-info"
    late.mkdir()
    (late / "METADATA").write_text("Metadata-Version: 2.1\nName: late-comer\nVersion: 1.0\n")
    importlib.invalidate_caches()
    assert state() == "ok"
