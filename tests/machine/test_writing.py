"""Files that appear whole, by names aside that nothing can be planted at."""

from __future__ import annotations

import os
import re
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from srkit.errors import UserError
from srkit.locks import held
from srkit.machine.writing import PART, append_to, folder_aside, placed, write_aside, write_durably

linked = pytest.mark.skipif(os.name == "nt", reason="links need rights there")


def names(folder: Path) -> list[str]:
    return sorted(os.listdir(folder))


def old(path: Path, seconds: float = 4000) -> Path:
    then = time.time() - seconds
    os.utime(path, (then, then), follow_symlinks=False)
    return path


def test_the_name_aside_says_nothing_of_the_target_and_fits_the_longest_name(tmp_path: Path) -> None:
    target = tmp_path / ("n" * 251 + ".png")
    with write_aside(target) as aside:
        assert re.fullmatch(r"\.srkit-[0-9a-f]{16}\.part", aside.name) and aside.parent == tmp_path
        assert names(tmp_path) == [aside.name]
        aside.write_bytes(b"whole")
    assert names(tmp_path) == [target.name] and target.read_bytes() == b"whole"


def test_after_an_error_what_was_there_stays_and_the_first_error_is_told(tmp_path: Path) -> None:
    target = tmp_path / "a.txt"
    write_durably(target, "old\n")
    with pytest.raises(ZeroDivisionError), write_aside(target) as aside:
        aside.write_text("half")
        1 / 0
    assert (names(tmp_path), target.read_text()) == (["a.txt"], "old\n")
    with pytest.raises(ZeroDivisionError), write_aside(target) as aside:
        aside.unlink()
        1 / 0
    with pytest.raises(UserError, match=r"b\.txt: cannot be written \(No such file"), placed(tmp_path / "no" / "b.txt"):
        pass


@linked
def test_a_link_in_the_target_s_place_is_replaced_and_not_followed(tmp_path: Path) -> None:
    precious = tmp_path / "precious"
    precious.write_text("mine")
    (tmp_path / "out").mkdir()
    (tmp_path / "out" / "a.txt").symlink_to(precious)
    write_durably(tmp_path / "out" / "a.txt", "written\n")
    assert (precious.read_text(), (tmp_path / "out" / "a.txt").read_text()) == ("mine", "written\n")


@linked
def test_nothing_is_added_to_or_locked_through_a_link(tmp_path: Path) -> None:
    precious = tmp_path / "precious"
    precious.write_text("mine")
    (tmp_path / "log").symlink_to(precious)
    with pytest.raises(OSError, match="symbolic links"):
        append_to(tmp_path / "log")
    with pytest.raises(OSError, match="symbolic links"), held(tmp_path / "log", "no"):
        pass
    assert precious.read_text() == "mine"
    (tmp_path / "log").unlink()
    with append_to(tmp_path / "log") as file:
        file.write("one\n")
    with append_to(tmp_path / "log") as file:
        file.write("two\n")
    assert (tmp_path / "log").read_bytes() == b"one\ntwo\n"


def test_a_folder_aside_is_renamed_or_goes(tmp_path: Path) -> None:
    with folder_aside(tmp_path / "in") as aside:
        (aside / "x").touch()
        assert PART.fullmatch(aside.name)
        aside.replace(tmp_path / "in" / "done")
    assert names(tmp_path / "in") == ["done"]
    with pytest.raises(ZeroDivisionError), folder_aside(tmp_path / "in") as aside:
        (aside / "x").touch()
        1 / 0
    assert names(tmp_path / "in") == ["done"]


@linked
def test_what_killed_writers_left_goes_after_an_hour_and_what_is_written_stays(tmp_path: Path) -> None:
    precious = tmp_path / "elsewhere"
    precious.mkdir()
    (precious / "kept").touch()
    folder = tmp_path / "out"
    folder.mkdir()
    left = folder / ".srkit-0123456789abcdef.part"
    left.write_bytes(b"x")
    old(left)
    fresh = folder / ".srkit-0123456789abcde0.part"
    fresh.write_bytes(b"x")
    (folder / ".srkit-0123456789abcde1.part").mkdir()
    (folder / ".srkit-0123456789abcde1.part" / "inner").symlink_to(precious)
    old(folder / ".srkit-0123456789abcde1.part")
    (folder / ".srkit-0123456789abcde2.part").symlink_to(precious)
    old(folder / ".srkit-0123456789abcde2.part")
    other = folder / "mine.part"
    other.write_bytes(b"x")
    old(other)
    script = f"""
import os, sys, time
from pathlib import Path
from srkit.machine.writing import write_aside
with write_aside(Path({str(folder)!r}) / "slow") as aside:
    then = time.time() - 9000
    os.utime(aside, (then, then))
    print(aside.name, flush=True)
    time.sleep(60)
"""
    with subprocess.Popen([sys.executable, "-c", script], stdout=subprocess.PIPE, text=True) as writer:
        assert writer.stdout is not None
        busy = writer.stdout.readline().strip()

        write_durably(folder / "a.txt", "x")
        # the writer's own start has removed what was old; what it writes is old too, and locked
        assert names(folder) == sorted([busy, fresh.name, other.name, "a.txt"])
        writer.send_signal(signal.SIGKILL)
    time.sleep(0.1)
    write_durably(folder / "b.txt", "x")
    assert busy not in names(folder)
    assert names(precious) == ["kept"]
