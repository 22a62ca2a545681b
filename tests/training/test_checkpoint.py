"""A checkpoint that is saved again: whenever that is cut off, a whole one of its step stands."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch

from srkit.errors import UserError
from srkit.training import checkpoint
from srkit.training.checkpoint import checkpoints, load, newest_whole, step_of
from srkit.training.observers.retention import Retention


class Killed(BaseException):
    """The process ends here."""


def saved(folder: Path, step: int, value: float) -> None:
    checkpoint.save(folder, step, {"generator": {"weight": torch.full((2,), value)}}, {"value": value})


def deadly(monkeypatch: pytest.MonkeyPatch, call: int) -> None:
    """The process ends before that call, from 1, of those that change a disk; while it deletes, half way."""
    calls = 0

    def at(work: Callable[..., Any], half_way: Callable[[Path], None] = lambda _: None) -> Callable[..., Any]:
        def counted(path: Path, *arguments: Any, **options: Any) -> Any:
            nonlocal calls
            calls += 1
            if calls == call:
                half_way(path)
                raise Killed
            return work(path, *arguments, **options)

        return counted

    def delete_one(folder: Path) -> None:
        next(folder.iterdir()).unlink()

    monkeypatch.setattr(checkpoint, "_write_bytes", at(checkpoint._write_bytes))
    monkeypatch.setattr(checkpoint, "_sync", at(checkpoint._sync))
    monkeypatch.setattr(Path, "mkdir", at(Path.mkdir))
    monkeypatch.setattr(Path, "replace", at(Path.replace))
    monkeypatch.setattr(shutil, "rmtree", at(shutil.rmtree, delete_one))


@pytest.mark.parametrize("again", [4, 6])
def test_a_whole_one_stands_wherever_saving_it_again_was_cut_off(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, again: int
) -> None:
    kills = 0
    while True:
        folder = tmp_path / str(kills)
        saved(folder, 4, 1.0)
        with monkeypatch.context() as patch:
            deadly(patch, kills + 1)
            try:
                saved(folder, 4, 2.0)
                break
            except Killed:
                kills += 1
        found = newest_whole(folder)
        assert found is not None, kills
        assert found[1].state["value"] in (1.0, 2.0) and not found[2] and step_of(found[0]) == 4
        saved(folder, again, 3.0)
        assert sorted(one.name for one in folder.iterdir()) == [f"step-0000000{step}" for step in sorted({4, again})]
        assert [load(one).state["value"] for one in checkpoints(folder)][-1] == 3.0
    assert kills == 9  # mkdir, three files, two syncs, two renames, the old one's deletion


def test_what_a_killed_save_left_goes_and_what_links_lead_to_stays(tmp_path: Path) -> None:
    folder, away = tmp_path / "checkpoints", tmp_path / "away"
    (away / "below").mkdir(parents=True)
    saved(folder, 4, 1.0)
    for name in (".srkit-0123456789abcdef.part", ".step-00000006.part"):
        (folder / name / "below").mkdir(parents=True)
    saved(folder, 6, 1.0)
    assert sorted(one.name for one in folder.iterdir()) == ["step-00000004", "step-00000006"]
    for name in (".step-00000008.part", ".step-00000006.old"):
        (folder / name).symlink_to(away)
        with pytest.raises(UserError, match="is a link to"):
            saved(folder, 8, 1.0)
        (folder / name).unlink()
    assert (away / "below").is_dir() and [step_of(one) for one in checkpoints(folder)] == [4, 6]


def test_no_checkpoint_is_saved_or_deleted_through_a_link(tmp_path: Path) -> None:
    away = tmp_path / "away"
    saved(away, 2, 1.0)
    (tmp_path / "checkpoints").symlink_to(away)
    with pytest.raises(UserError, match="is a link to"):
        saved(tmp_path / "checkpoints", 4, 1.0)
    own = tmp_path / "own"
    saved(own, 4, 1.0)
    (own / "step-00000002").symlink_to(away / "step-00000002")
    with pytest.raises(UserError, match="is a link to"):
        Retention(1, None).srkit_checkpoint_saved(step=4, path=own / "step-00000004")
    assert [one.name for one in away.iterdir()] == ["step-00000002"]


@pytest.mark.parametrize(
    "name",
    [
        "step-1",
        "step-000000001",
        "step-\u0660\u0660\u0660\u0660\u0660\u0660\u0660\u0665",
        "step-00000005x",
        "step-" + "9" * 30,
    ],
)
def test_only_names_that_are_given_count(tmp_path: Path, name: str) -> None:
    (tmp_path / name).mkdir()
    assert checkpoints(tmp_path) == []
