"""A small experiment with photos of its own."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.cli.conftest import TINY, photo


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Where one stands: `tiny.toml` and `photos/`."""
    photo(tmp_path / "photos" / "a.png")
    (tmp_path / "tiny.toml").write_text(TINY, encoding="utf-8")
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("SRKIT_LOAD_PLUGINS", "")
    return tmp_path
