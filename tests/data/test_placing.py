"""What is written aside: its name, its exclusive beginning, what becomes of leftovers."""

from __future__ import annotations

import multiprocessing
import os
import re
import time
from multiprocessing.connection import Connection
from pathlib import Path

import pytest

from srkit.data.placing import file_aside, folder_aside, is_left_over, place_bytes, placed
from srkit.errors import UserError

NAME = re.compile(r"\.srkit-[0-9a-f]{16}\.part")
LEFT = ".srkit-0123456789abcdef.part"


def old(path: Path, seconds: float = 3700.0) -> Path:
    then = time.time() - seconds
    os.utime(path, (then, then), follow_symlinks=False)
    return path


def test_the_name_aside_has_nothing_of_the_target_s(tmp_path: Path) -> None:
    target = tmp_path / ("n" * 246 + ".png")
    with placed(target) as aside:
        assert NAME.fullmatch(aside.name) and aside.parent == tmp_path and is_left_over(aside.name)
        aside.write_text("whole")
    assert [one.name for one in tmp_path.iterdir()] == [target.name] and target.read_text() == "whole"


def test_a_folder_aside_is_called_so_too(tmp_path: Path) -> None:
    with folder_aside(tmp_path) as aside:
        assert NAME.fullmatch(aside.name) and aside.is_dir()
        (aside / "file").touch()
        aside.replace(tmp_path / "step")
    assert [one.name for one in tmp_path.iterdir()] == ["step"]


def test_a_link_at_the_place_is_replaced_and_not_followed(tmp_path: Path) -> None:
    precious = tmp_path / "precious"
    precious.write_text("as it was")
    for name in ("report.html", "results.json"):
        (tmp_path / name).symlink_to(precious)
    with placed(tmp_path / "report.html") as aside:
        aside.write_text("page")
    place_bytes(tmp_path / "results.json", b"{}")
    assert precious.read_text() == "as it was"
    assert not (tmp_path / "report.html").is_symlink() and (tmp_path / "results.json").read_text() == "{}"


def test_what_is_there_already_under_the_name_aside_is_not_opened(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    precious = tmp_path / "precious"
    precious.write_text("as it was")
    monkeypatch.setattr("secrets.token_hex", lambda _: "0123456789abcdef")
    (tmp_path / LEFT).symlink_to(precious)
    with pytest.raises(UserError, match="cannot be written"), placed(tmp_path / "target"):
        pass
    with pytest.raises(FileExistsError), folder_aside(tmp_path):
        pass
    assert precious.read_text() == "as it was" and (tmp_path / LEFT).is_symlink()


def test_after_an_error_nothing_is_left_and_the_first_error_is_told(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def no(*_: object, **__: object) -> None:
        raise PermissionError(13, "Permission denied")

    (tmp_path / "target").write_text("before")
    with pytest.raises(ZeroDivisionError), placed(tmp_path / "target") as aside:
        aside.write_text("half")
        raise ZeroDivisionError
    assert [one.name for one in tmp_path.iterdir()] == ["target"] and (tmp_path / "target").read_text() == "before"
    monkeypatch.setattr(Path, "unlink", no)
    with pytest.raises(ZeroDivisionError), file_aside(tmp_path):
        raise ZeroDivisionError


def test_a_folder_that_is_missing_is_told_with_the_place(tmp_path: Path) -> None:
    with (
        pytest.raises(UserError, match=r"none.target: cannot be written \(No such file"),
        placed(tmp_path / "none/target"),
    ):
        pass


def test_the_next_writer_deletes_what_was_left_an_hour_ago(tmp_path: Path) -> None:
    (tmp_path / LEFT).touch()
    folder = tmp_path / LEFT.replace("0", "a")
    (folder / "below").mkdir(parents=True)
    others = [tmp_path / ".srkit-0123.part", tmp_path / ".srkit-0123456789abcdeg.part", tmp_path / "x.part"]
    for one in others:
        one.touch()
    place_bytes(tmp_path / "new", b"")
    assert (tmp_path / LEFT).exists() and folder.exists()  # not yet
    for one in (tmp_path / LEFT, folder, *others):
        old(one)
    place_bytes(tmp_path / "new", b"")
    assert sorted(tmp_path.iterdir()) == sorted([*others, tmp_path / "new"])


def test_a_leftover_that_is_a_link_goes_and_what_it_leads_to_stays(tmp_path: Path) -> None:
    away = tmp_path / "away"
    (away / "below").mkdir(parents=True)
    place = tmp_path / "place"
    place.mkdir()
    (place / LEFT).symlink_to(away)
    old(place / LEFT)
    place_bytes(place / "new", b"")
    assert [one.name for one in place.iterdir()] == ["new"] and (away / "below").is_dir()


def _hold(kind: str, folder: Path, pipe: Connection) -> None:
    with file_aside(folder) if kind == "file" else folder_aside(folder) as aside:
        pipe.send(aside)
        pipe.recv()


@pytest.mark.skipif(os.name == "nt", reason="there an open file cannot be deleted, and folders know no locks")
@pytest.mark.parametrize("kind", ["file", "folder"])
def test_what_a_process_still_writes_is_not_deleted_however_long_that_takes(tmp_path: Path, kind: str) -> None:
    context = multiprocessing.get_context("spawn")
    ours, theirs = context.Pipe()
    process = context.Process(target=_hold, args=(kind, tmp_path, theirs))
    process.start()
    assert ours.poll(60)
    aside = old(ours.recv())
    place_bytes(tmp_path / "new", b"")
    assert aside.exists()
    process.kill()
    process.join()
    place_bytes(tmp_path / "new", b"")
    assert not aside.exists()


def test_a_large_folder_is_not_looked_through_at_each_write(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    looks = 0
    scandir = os.scandir

    def counted(folder: Path) -> object:
        nonlocal looks
        looks += 1
        return scandir(folder)

    monkeypatch.setattr(os, "scandir", counted)
    monkeypatch.setattr("srkit.data.placing.MANY", 3)
    for number in range(9):
        place_bytes(tmp_path / str(number), b"")
    assert looks == 4  # with 1, 2, 3 and 4 entries, what is being written among them
