"""How a command ends: one message, the right exit code, a traceback only when it is asked for."""

from __future__ import annotations

import logging
import os
import signal
import subprocess
import sys
import sysconfig
import threading
import time
import warnings
from pathlib import Path

import click
import pytest
from PIL import Image

import srkit as srkit_package
from srkit.errors import SrkitWarning, in_short
from tests.cli.conftest import Command, in_own_process, photo

NOT_ON_WINDOWS = pytest.mark.skipif(sys.platform == "win32", reason="Windows has no such signal, pipe or name")


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["lsit"], "no command 'lsit'. Did you mean 'list'?"),
        (["zzz"], "no command 'zzz'. Commands: run, list,"),
        (["list", "--jsn"], "Did you mean"),
        (["run"], "Missing argument 'EXPERIMENT...'"),
        (["run", "a.toml", "b.toml", "--out", "x"], "--out names one run folder"),
        (["run", "missing.toml"], "there is no experiment file missing.toml"),
    ],
)
def test_wrong_words_are_answered_with_right_ones(arguments: list[str], message: str, srkit: Command) -> None:
    said = srkit(*arguments)
    assert said.code == 2
    assert message in said.err
    assert not said.out


def explode(*_: object) -> None:
    raise ZeroDivisionError("a\nbug")


@pytest.fixture
def bug(monkeypatch: pytest.MonkeyPatch) -> None:
    """A command that has one."""
    monkeypatch.setattr("srkit.cli.list.kind_named", explode)


def test_a_bug_is_one_line_with_its_place(bug: None, srkit: Command) -> None:
    said = srkit("list", "generators")
    assert said.code == 1
    assert "Traceback" not in said.err
    assert "error: ZeroDivisionError: a bug (" in said.err
    assert f"{Path(__file__).name}, line " in said.err
    assert "SRKIT_DEBUG=1" in said.err


LIBRARY = f"{sysconfig.get_path('purelib')}/PIL/Image.py"


def test_of_what_code_warns_of_a_user_reads_srkit_s_words_and_what_concerns_own_code(
    srkit: Command, monkeypatch: pytest.MonkeyPatch
) -> None:
    def warned(*_: object) -> None:
        for category in (UserWarning, RuntimeWarning, DeprecationWarning):
            warnings.showwarning("Corrupt EXIF data", category, LIBRARY, 1)
        warnings.showwarning("of torch", UserWarning, str(Path(srkit_package.__file__).parent / "seeds.py"), 1)
        warnings.showwarning("smaller tiles", SrkitWarning, LIBRARY, 1)
        warnings.showwarning("divide by\n zero \x1b[2J\u202e", RuntimeWarning, "own.py", 7)
        logging.getLogger("PIL").warning("of a log")
        raise SystemExit(0)

    before = warnings.showwarning
    monkeypatch.setattr("srkit.cli.list.kind_named", warned)
    said = srkit("list", "generators")
    assert said.code == 0
    assert said.err.splitlines() == [
        "warning: smaller tiles",
        r"warning: own.py, line 7: divide by zero \x1b[2J\u202e",
    ]
    assert warnings.showwarning is before
    assert logging.lastResort is not None
    monkeypatch.setenv("SRKIT_DEBUG", "1")
    assert "Corrupt EXIF data" in srkit("list", "generators").err


class Silent(Exception):
    """An error whose text cannot be had."""

    def __str__(self) -> str:
        raise ValueError("no")


class Numeric(Exception):
    """An error whose text is none."""

    def __str__(self) -> str:
        return 3  # type: ignore[return-value]  # as anybody may


@pytest.mark.parametrize(("error", "why"), [(Silent, "ValueError"), (Numeric, "TypeError")])
def test_an_error_whose_text_raises_is_named_by_its_type(error: type[Exception], why: str) -> None:
    assert in_short(error()) == f"{error.__name__}: its text cannot be shown, since __str__ raises {why}"


def lacking(*_: object) -> None:
    import no_such_package.part  # type: ignore[import-not-found]  # noqa: F401


def test_a_package_that_is_not_there_is_named(srkit: Command, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("srkit.cli.list.kind_named", lacking)
    said = srkit("list", "generators")
    assert said.code == 1
    assert "error: the Python package no_such_package is not installed (" in said.err
    assert "Install it if you know it" in said.err and "bug" not in said.err
    assert "pip install" not in said.err  # the name came out of somebody's code


def test_the_traceback_is_there_for_the_asking(bug: None, srkit: Command, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SRKIT_DEBUG", "1")
    said = srkit("list", "generators")
    assert said.code == 1
    assert "Traceback" in said.err and "in explode" in said.err


def test_a_component_that_raises_in_training_is_named_by_its_line(workplace: Path, srkit: Command) -> None:
    (workplace / "own.py").write_text(
        "from torch import nn\n\n\nclass Own(nn.Module):\n    def __init__(self):\n        super().__init__()\n\n"
        "    def forward(self, sr, hr):\n        if sr.requires_grad and not sr.is_meta:\n"
        "            raise KeyError('texture')\n        return (sr - hr).abs().mean()\n"
    )
    said = srkit("run", "tiny.toml", "--set", 'pixel_loss=[{use="./own.py:Own"}]', "--quiet")
    assert said.code == 1
    assert "Traceback" not in said.err
    assert "KeyError" in said.err and "own.py, line 10" in said.err


def test_python_m_srkit_is_the_same_command(srkit: Command, tmp_path: Path) -> None:
    assert in_own_process("list", "generators", cwd=tmp_path).out == srkit("list", "generators").out
    assert in_own_process("zzz", cwd=tmp_path).code == 2


@NOT_ON_WINDOWS
@pytest.mark.parametrize("command", ["list", "list --json", "show generators espcn", "--help"])
def test_a_reader_who_leaves_is_no_error(command: str, tmp_path: Path) -> None:
    """As `| head` does: the pipe closes before anything is written."""
    reading, writing = os.pipe()
    os.close(reading)
    done = subprocess.run(
        [sys.executable, "-m", "srkit", *command.split()],
        stdout=writing,
        stderr=subprocess.PIPE,
        text=True,
        cwd=tmp_path,
        timeout=120,
    )
    os.close(writing)
    assert done.stderr == ""
    assert done.returncode == 1


def test_brackets_in_a_name_are_no_markup(workplace: Path, srkit: Command) -> None:
    """rich would take `[data]` for a style and leave it out."""
    said = srkit("run", "tiny.toml", "--out", "runs/a[data]b")
    assert said.code == 0, said.err
    assert f"run folder: {Path('runs') / 'a[data]b'}" in said.err


@NOT_ON_WINDOWS
def test_colons_in_a_name_are_no_emoji(workplace: Path, srkit: Command, monkeypatch: pytest.MonkeyPatch) -> None:
    """rich would show `bad-thing:star:` as a star: a qualified name in a sentence, in messages and in tables."""
    said = srkit("run", "tiny.toml", "--out", "runs/a:star:b")
    assert said.code == 0, said.err
    assert f"run folder: {Path('runs') / 'a:star:b'}" in said.err and "a:star:b" in said.out
    monkeypatch.setenv("SRKIT_LOAD_PLUGINS", "x:star:")
    assert "x:star:" in srkit("doctor").out


def test_an_allow_list_with_a_name_that_is_not_installed_is_said(
    workplace: Path, srkit: Command, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SRKIT_LOAD_PLUGINS", "srkit-nonesuch")
    sentence = "SRKIT_LOAD_PLUGINS names 'srkit-nonesuch', which is not installed"
    assert sentence in " ".join(srkit("doctor").out.split())
    assert sentence in srkit("run", "tiny.toml").err


def test_no_colour_codes_in_a_pipe(workplace: Path, srkit: Command) -> None:
    for arguments in (["list"], ["doctor"], ["show", "metrics", "psnr-y"], ["run", "tiny.toml"], ["check", "x"]):
        said = srkit(*arguments)
        assert "\x1b" not in said.out + said.err


@NOT_ON_WINDOWS
def test_ctrl_c_ends_the_step_saves_and_says_how_to_go_on(workplace: Path) -> None:
    command = [sys.executable, "-m", "srkit", "run", "tiny.toml", "--set", "steps=100000", "--set", "log.every=1"]
    running = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    assert running.stderr is not None
    for line in running.stderr:
        if line.startswith("step "):
            break
    time.sleep(0.2)
    running.send_signal(signal.SIGINT)
    _, said = running.communicate(timeout=60)
    assert running.returncode == 130
    assert "Traceback" not in said
    assert "interrupted after step" in said and "--resume" in said
    assert any(Path("runs/tiny/checkpoints").iterdir())


HANGING = """
import time

import numpy as np


class Gone:
    def __len__(self) -> int:
        return 4

    def name(self, index: int) -> str:
        return f"picture {index}"

    def __getitem__(self, index: int) -> np.ndarray:
        if index == 2:
            print("hanging", flush=True)
            time.sleep(1000)
        return np.zeros((32, 32, 3), np.uint8)
"""


@NOT_ON_WINDOWS
@pytest.mark.parametrize("command", ["run", "check"])
def test_one_ctrl_c_ends_it_while_a_picture_hangs(workplace: Path, command: str) -> None:
    """As on a network drive that has gone, before the first step: there is nothing to save and no step to end."""
    Path("gone.py").write_text(HANGING)
    arguments = [command, "tiny.toml", "--set", 'data.train={use="./gone.py:Gone"}']
    running = subprocess.Popen(
        [sys.executable, "-m", "srkit", *arguments], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    )
    try:
        assert running.stdout is not None
        assert running.stdout.readline() == "hanging\n"
        running.send_signal(signal.SIGINT)
        _, said = running.communicate(timeout=60)
    finally:
        running.kill()
    assert running.returncode == 130
    assert "interrupted" in said and "Traceback" not in said


@NOT_ON_WINDOWS
def test_a_second_ctrl_c_does_not_wait_for_what_hangs(workplace: Path) -> None:
    Path("gone.py").write_text(HANGING)
    command = [sys.executable, "-m", "srkit", "check", "tiny.toml", "--set", 'data.train={use="./gone.py:Gone"}']
    running = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    try:
        assert running.stdout is not None and running.stderr is not None
        assert running.stdout.readline() == "hanging\n"
        running.send_signal(signal.SIGINT)
        while "interrupted" not in running.stderr.readline():
            assert running.poll() is None
        assert running.stderr.readline() == "still waiting for a thread; ends within 5 seconds, or at once by Ctrl-C\n"
        running.send_signal(signal.SIGINT)
        _, said = running.communicate(timeout=60)
    finally:
        running.kill()
    assert running.returncode == 130 and not said


FAILS_AND_HANGS = """
import time
import numpy as np


class Gone:
    def __len__(self):
        return 2

    def __getitem__(self, index):
        time.sleep(1000 if index == 1 else 1)
        raise LookupError("not there")

    def name(self, index):
        return str(index)
"""


@NOT_ON_WINDOWS
@pytest.mark.parametrize("command", ["check", "run"])
def test_an_error_ends_a_command_though_another_picture_hangs(workplace: Path, command: str) -> None:
    Path("gone.py").write_text(FAILS_AND_HANGS)
    arguments = [command, "tiny.toml", "--set", 'data.train={use="./gone.py:Gone"}']
    ended = subprocess.run([sys.executable, "-m", "srkit", *arguments], capture_output=True, text=True, timeout=60)
    assert ended.returncode == 1 and "LookupError: not there" in ended.stderr
    assert "still waiting for a thread; ends within 5 seconds" in ended.stderr


SLOW_TO_END = """
import atexit
import threading
import time

from srkit.cli import list, main


def interrupted(*_: object) -> None:
    threading.Thread(target=time.sleep, args=[0.3]).start()
    raise KeyboardInterrupt


main.TO_SAY, main.TO_END = 0.1, 0.6
list.kind_named = interrupted
atexit.register(lambda: (time.sleep(1), print("uploaded")))
main.main()
"""


def test_what_runs_at_exit_is_not_cut_off_once_the_threads_have_ended(tmp_path: Path) -> None:
    command = [sys.executable, "-c", SLOW_TO_END, "list", "generators"]
    done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, timeout=120)
    assert done.returncode == 130, done.stderr
    assert done.stdout == "uploaded\n"


THREAD = """
import errno
import threading

import numpy as np


def fail() -> None:
    raise OSError(errno.ENOSPC, "No space left on device")


class Threaded:
    def __init__(self) -> None:
        thread = threading.Thread(target=fail)
        thread.start()
        thread.join()

    def __len__(self) -> int:
        return 1

    def name(self, index: int) -> str:
        return "grey"

    def __getitem__(self, index: int) -> np.ndarray:
        return np.full((32, 32, 3), 128, np.uint8)
"""


def test_what_a_librarys_thread_did_not_catch_is_one_line(workplace: Path, srkit: Command) -> None:
    """TensorBoard's writer is such a thread, and the disk full."""
    Path("threaded.py").write_text(THREAD)
    before = threading.excepthook
    said = srkit("run", "tiny.toml", "--set", 'data.train={use="./threaded.py:Threaded"}')
    assert said.code == 0, said.err
    assert "warning: a thread ended, while the command goes on: OSError: [Errno 28] No space left on device" in said.err
    assert "Traceback" not in said.err and threading.excepthook is before


def test_ctrl_c_that_a_library_made_an_error_of_is_an_interrupt(
    srkit: Command, monkeypatch: pytest.MonkeyPatch
) -> None:
    """torch does where it is asked for a tensor's shape just then: "could not determine the shape"."""

    @click.command()
    def swallows() -> None:
        try:
            signal.raise_signal(signal.SIGINT)
        except KeyboardInterrupt:
            raise TypeError("could not determine the shape") from None

    monkeypatch.setattr("srkit.cli.doctor.doctor_command", swallows)
    before = signal.getsignal(signal.SIGINT)
    said = srkit("doctor")
    assert (said.code, said.err.strip()) == (130, "interrupted")
    assert signal.getsignal(signal.SIGINT) is before


@pytest.mark.parametrize(
    "words",
    [
        ("prepare", "photos", "--out", "set", "--patch-size", "16", "--workers", "1"),
        ("run", "tiny.toml", "--set", "data.workers=1", "--out", "out", "--device", "cpu", "--quiet"),
    ],
    ids=["prepare", "loader"],
)
def test_what_libraries_warn_of_in_workers_stays_out(words: tuple[str, ...], workplace: Path) -> None:
    cut = b"Exif\0\0II*\0\x08\0\0\0\x01\0\x12\x01"
    with Image.open(photo(workplace / "photos" / "a.png", (64, 48))) as image:
        image.save(workplace / "photos" / "b.jpg", exif=cut)
    with warnings.catch_warnings(record=True) as warned, Image.open(workplace / "photos" / "b.jpg") as image:
        warnings.simplefilter("always")
        image.getexif()
    assert warned, "Pillow warns of it"
    said = in_own_process(*words, cwd=workplace)
    assert said.code == 0 and "EXIF" not in said.err, said.err
