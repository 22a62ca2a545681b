"""Samples and strips: of a few images each, whatever is judged."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from tests.execution.support import PLAIN, numbers, prepared, run, write_photos

pytestmark = pytest.mark.usefixtures("one_thread")


def count(folder: Path) -> int:
    return sum(1 for _ in folder.rglob("*.png"))


def test_samples_and_strips_are_bounded_and_the_table_judges_all(tmp_path: Path) -> None:
    path = prepared(tmp_path, PLAIN.replace("steps = 6", "steps = 2"), extra='[validation]\nphotos = "real"\n')
    write_photos(tmp_path / "held_out", 12, (40, 40), first=30)
    write_photos(tmp_path / "real", 11, (16, 16), first=60)
    whole = run(path, out=tmp_path / "default")
    assert (count(whole.run.folder / "samples"), len(whole.strips)) == (16, 16)  # of each kind
    judged = json.loads((whole.run.folder / "scores.json").read_text())["rows"]
    assert all(row["images"] == 14 for row in judged)
    few = run(path, "validation.samples=1", out=tmp_path / "few")
    assert (count(few.run.folder / "samples"), len(few.strips)) == (2, 2)
    none = run(path, "validation.samples=0", "steps=1", out=tmp_path / "none")
    assert (count(none.run.folder / "samples"), none.strips) == (0, [])
    again = run(path, "validation.samples=2", "steps=2", out=tmp_path / "none", resume=True)
    assert (count(again.run.folder / "samples"), len(again.strips)) == (4, 4)
    assert numbers(again.run.folder, "validation.jsonl")[-1] == numbers(whole.run.folder, "validation.jsonl")[-1]


def test_all_judged_images_are_counted(tmp_path: Path) -> None:
    from srkit.hooks import hookimpl

    class Counting:
        """Keeps what it is told of a validation."""

        def __init__(self) -> None:
            self.told: list[tuple[int, int]] = []

        @hookimpl
        def srkit_run_start(self, run: object) -> None:
            run.on_judged = lambda done, total: self.told.append((done, total))  # type: ignore[attr-defined]

    counting = Counting()
    run(prepared(tmp_path, PLAIN.replace("steps = 6", "steps = 1")), out=tmp_path / "run", observers={"it": counting})
    assert counting.told == [(0, 2), (1, 2), (2, 2)]
