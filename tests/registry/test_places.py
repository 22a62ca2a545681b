"""What lies in the current folder is no installed package, unless it was installed there."""

from __future__ import annotations

import sys
import sysconfig
from pathlib import Path

import pytest

from srkit.registry import Registry
from srkit.registry.places import site_path


def offer(folder: Path, name: str) -> None:
    info = folder / f"{name}-1.0.dist-info"
    info.mkdir(parents=True)
    (info / "METADATA").write_text(f"Metadata-Version: 2.1\nName: {name}\nVersion: 1.0\n")
    (info / "entry_points.txt").write_text(f"[srkit.generators]\n{name} = {name}:Net\n")


def names() -> set[str]:
    return {entry.name for entry in Registry.installed().entries()}


@pytest.mark.parametrize("entry", ["", "."])
def test_a_distribution_in_the_current_folder_does_not_count(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, entry: str
) -> None:
    offer(tmp_path / "here", "evil")
    offer(tmp_path / "elsewhere", "good")
    monkeypatch.delenv("SRKIT_LOAD_PLUGINS")
    monkeypatch.chdir(tmp_path / "here")
    monkeypatch.setattr(sys, "path", [entry and str(Path(entry).absolute()), *sys.path])
    monkeypatch.syspath_prepend(str(tmp_path / "elsewhere"))
    assert "good" in names() and "evil" not in names()
    monkeypatch.chdir(tmp_path)
    if entry:
        assert "evil" in names()


def test_a_site_folder_and_an_editable_install_s_count_also_where_one_stands_in_them(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "site").mkdir()
    (tmp_path / "project").mkdir()
    (tmp_path / "site" / "__editable__.project.pth").write_text(f"# a comment\nimport os\n{tmp_path / 'project'}\n")
    monkeypatch.setattr(sysconfig, "get_paths", lambda: {"purelib": str(tmp_path / "site")})
    monkeypatch.setattr(sys, "path", [str(tmp_path / "site"), str(tmp_path / "project"), str(tmp_path)])
    for here, kept in (("site", True), ("project", True), (".", False)):
        monkeypatch.chdir(tmp_path / here)
        assert (str((tmp_path / here).resolve()) in [str(Path(one).resolve()) for one in site_path()]) == kept
        assert len(site_path()) == 3 - (not kept)
