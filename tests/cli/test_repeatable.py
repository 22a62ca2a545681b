"""What was killed, or met a full disk, in the middle of writing can simply be done again, and leaves nothing behind."""

from __future__ import annotations

import os
import shutil
import signal
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from srkit.cli.main import main
from srkit.data import placing
from tests.cli.conftest import Command
from tests.execution.support import forked

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="processes are forked and killed")

CALLS = ("open", "mkdir", "replace", "rename", "unlink", "fsync", "rmdir")


def killed_at(number: int, *arguments: str) -> bool:
    """Whether a command in a process of its own, killed at its so-and-so-many-th call that changes files, got there."""

    def work() -> None:
        count = 0

        def counting(own: Callable[..., Any], name: str) -> Callable[..., Any]:
            def call(*given: Any, **named: Any) -> Any:
                nonlocal count
                if name != "open" or (len(given) > 1 and isinstance(given[1], int) and given[1] & os.O_CREAT):
                    count += 1
                    if count == number:
                        os.kill(os.getpid(), signal.SIGKILL)
                return own(*given, **named)

            return call

        for name in CALLS:
            setattr(os, name, counting(getattr(os, name), name))
        devnull = os.open(os.devnull, os.O_WRONLY)
        os.dup2(devnull, 1), os.dup2(devnull, 2)
        sys.argv = ["srkit", *arguments]
        try:
            main()
        except SystemExit as error:
            assert not error.code

    return forked(work) == -signal.SIGKILL


def listing(folder: Path) -> dict[str, int]:
    """All files and folders, with the files' sizes."""
    return {str(one.relative_to(folder)): one.stat().st_size if one.is_file() else -1 for one in folder.rglob("*")}


@pytest.mark.parametrize(
    "command",
    [
        ("import", "exported.safetensors", "--out", "new/imported"),
        ("export", "runs/espcn", "--out", "new/m.safetensors"),
        ("export", "runs/espcn", "--format", "pth", "--out", "new/m.pth"),
        ("upscale", "photos", "--model", "runs/espcn", "--out", "new"),
    ],
    ids=lambda one: " ".join(one[:4]),
)
def test_killed_at_any_moment_it_can_be_done_again(
    command: tuple[str, ...], workplace: Path, srkit: Command, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert srkit("export", "runs/espcn", "--out", "exported.safetensors").code == 0
    new = workplace / "new"
    new.mkdir()
    assert srkit(*command).code == 0
    wanted = listing(new)
    monkeypatch.setattr(placing, "LEFT_SOON", 0.0)
    number, met = 1, 0
    while True:
        shutil.rmtree(new)
        new.mkdir()
        if not killed_at(number, *command):
            break
        left = listing(new)
        met += bool(left)
        said = srkit(*command)
        if left.keys() != wanted.keys() or said.code:  # or it was done, and nothing but its end was cut off
            assert said.code == 0 or left == wanted, (number, said.err, left)
        assert listing(new).keys() == wanted.keys(), number
        number += 1 if number < 14 else 3
    assert number > 3 and met > 1  # it was there to be killed


FULL = "No space left on device"


@pytest.mark.parametrize("room", [0, 1, 2, 3])
def test_an_import_on_a_full_disk_leaves_nothing_and_can_be_done_again(
    room: int, workplace: Path, srkit: Command, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert srkit("export", "runs/espcn", "--out", "exported.safetensors").code == 0
    before = listing(workplace)
    own, left = os.fsync, room

    def full(descriptor: int) -> None:
        nonlocal left
        if left == 0:
            raise OSError(28, FULL)
        left -= 1
        own(descriptor)

    with monkeypatch.context() as patch:
        patch.setattr(os, "fsync", full)
        said = srkit("import", "exported.safetensors", "--out", "runs/imported")
    assert said.code in (1, 2) and FULL in said.err and "bug" not in said.err, said.err
    assert listing(workplace) == before
    assert srkit("import", "exported.safetensors", "--out", "runs/imported").code == 0
    assert srkit("upscale", "photos", "--model", "runs/imported", "--out", "large").code == 0


@pytest.mark.parametrize("number", [7, 23])
def test_a_killed_plugin_new_is_gone_on_with(
    number: int, workplace: Path, srkit: Command, monkeypatch: pytest.MonkeyPatch
) -> None:
    words = ("plugin", "new", "srkit-mine", "--out", "mine")
    assert killed_at(number, *words)
    left = listing(workplace / "mine")
    monkeypatch.setattr(placing, "LEFT_SOON", 0.0)
    assert left and srkit(*words).code == 0
    (workplace / "mine").rename(workplace / "first")
    assert srkit(*words).code == 0 and listing(workplace / "mine") == listing(workplace / "first") != left


def test_a_folder_with_anything_of_somebody_s_is_not_taken_for_half_a_plugin(workplace: Path, srkit: Command) -> None:
    words = ("plugin", "new", "srkit-mine", "--out", "mine")
    assert srkit(*words).code == 0 and "is there already" in srkit(*words).err  # a whole one
    Path("mine/README.md").unlink()
    Path("mine/pyproject.toml").write_text("# mine\n")
    assert srkit(*words).code == 2 and Path("mine/pyproject.toml").read_text() == "# mine\n"
    assert not Path("mine/README.md").exists()


def test_a_file_or_card_that_is_somebody_s_is_not_taken_for_half_an_export(workplace: Path, srkit: Command) -> None:
    Path("m.pth").write_bytes(b"mine")
    Path("n.pth.md").write_text("# Mine\n\n`n.pth`: a model of mine\n")
    for name in ("m.pth", "n.pth"):
        said = srkit("export", "runs/espcn", "--format", "pth", "--out", name)
        assert said.code == 2 and "is there already; --overwrite replaces it" in said.err
    assert Path("m.pth").read_bytes() == b"mine" and not Path("m.pth.md").exists() and not Path("n.pth").exists()


@pytest.mark.parametrize("gone", ["m.pth", "m.pth.md"])
def test_half_an_export_is_made_whole(gone: str, workplace: Path, srkit: Command) -> None:
    words = ("export", "runs/espcn", "--format", "pth", "--out", "m.pth")
    assert srkit(*words).code == 0
    Path(gone).unlink()
    said = srkit(*words)
    assert said.code == 0 and "an export left that was cut off" in said.err
    assert Path("m.pth").is_file() and Path("m.pth.md").is_file()
    assert srkit(*words).code == 2
