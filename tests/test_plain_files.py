"""Regular files are read; pipes are not waited for, devices not read without end."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from srkit.plain_files import open_plain, plain_bytes, plain_text


def test_a_file_is_read_as_pathlib_does_also_through_a_link(tmp_path: Path) -> None:
    file, link = tmp_path / "file", tmp_path / "link"
    file.write_bytes("\ufeffä\r\n".encode())
    link.symlink_to(file)
    for path in (file, link):
        assert plain_bytes(path) == path.read_bytes()
        assert plain_text(path) == path.read_text(encoding="utf-8") == "\ufeffä\n"
        assert plain_text(path, "utf-8-sig") == "ä\n"
        with open_plain(path) as opened:
            assert opened.read(3) == b"\xef\xbb\xbf"


def test_what_is_not_there_is_a_folder_or_no_text_raises_as_with_pathlib(tmp_path: Path) -> None:
    (tmp_path / "latin").write_bytes(b"\xff")
    with pytest.raises(FileNotFoundError):
        plain_text(tmp_path / "absent")
    with pytest.raises(IsADirectoryError):
        plain_bytes(tmp_path)
    with pytest.raises(UnicodeDecodeError):
        plain_text(tmp_path / "latin")


@pytest.mark.skipif(os.name != "posix", reason="pipes and devices among files are a thing of POSIX")
def test_a_pipe_and_a_device_are_refused_at_once_and_leave_nothing_open(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe")
    (tmp_path / "zero").symlink_to("/dev/zero")
    before = sorted(os.listdir("/proc/self/fd")) if Path("/proc/self/fd").exists() else []
    for name in ("pipe", "zero"):
        for read in (plain_bytes, plain_text, open_plain):
            with pytest.raises(OSError, match="not a regular file") as caught:
                read(tmp_path / name)
            assert caught.value.filename == str(tmp_path / name)
    assert not before or sorted(os.listdir("/proc/self/fd")) == before
