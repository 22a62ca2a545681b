"""A word while pictures are looked at before a run: after a while, and then seldom."""

from __future__ import annotations

from pathlib import Path

import pytest

from srkit.data import audit, patience
from srkit.data.patience import patiently
from tests.execution.support import plan_of, prepared


def test_what_is_quick_is_not_told_and_what_is_slow_seldom(monkeypatch: pytest.MonkeyPatch) -> None:
    now = 0.0
    monkeypatch.setattr(patience.time, "monotonic", lambda: now)
    said: list[str] = []
    progress = patiently("looking", said.append)
    for done in range(1, 4001):
        now = done / 100
        progress(done, 4000)
    assert said == [
        "looking: 500 of 4,000, about 35 s left",
        "looking: 2,500 of 4,000, about 15 s left",
    ]


def test_a_run_with_many_pictures_says_so(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from srkit.readiness import make_ready

    monkeypatch.setattr(patience, "FIRST", 0.0)
    monkeypatch.setattr(audit, "_CHUNK", 1)
    said: list[str] = []
    make_ready(plan_of(prepared(tmp_path)), "cpu", None, said.append)
    for doing in ("every training picture, once: 1 of", "every validation picture, once: 1 of"):
        assert any(f"looking at {doing}" in one for one in said), said
