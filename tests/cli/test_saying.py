"""What a terminal shows: sentences broken between words, above a line that moves, and a word while torch is imported."""

from __future__ import annotations

import io
import os
import re
import subprocess
import sys
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from rich.console import Console
from rich.progress import Progress

from srkit.cli.console import PrintableConsole, sentence
from srkit.cli.saying import moving, say, terminal_width, wrapped
from srkit.places import from_here


@given(st.lists(st.text("abc/é漢", min_size=1, max_size=30), min_size=1, max_size=30), st.sampled_from([20, 60, 80]))
def test_sentences_break_between_words_alone(words: list[str], width: int) -> None:
    from rich.cells import cell_len

    lines = wrapped(" ".join(words), width).split("\n")
    assert [word for line in lines for word in line.split()] == words
    assert all(cell_len(line) <= width or len(line.split()) == 1 for line in lines)


def test_notes_keep_their_margin_and_commands_are_left_to_copy() -> None:
    note = "       met as: " + "word " * 20
    assert all(line.startswith("       ") for line in wrapped(note, 60).split("\n"))
    command = "  srkit upscale PHOTO... --model runs/a_run_with_a_long_name --out upscaled"
    assert wrapped(command, 60) == command
    assert wrapped("x " * 100, None) == "x " * 100


def test_paths_in_the_current_folder_are_relative_in_messages(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    assert from_here(f"left out: {tmp_path}/a b/c.png ({tmp_path}/d.py, line 3) in {tmp_path}") == (
        f"left out: a b/c.png (d.py, line 3) in {tmp_path}"
    )
    assert from_here(f"{tmp_path}er/x and /elsewhere{tmp_path}/y") == f"{tmp_path}er/x and /elsewhere{tmp_path}/y"
    say(f"warning: {tmp_path}/a.png", err=True)
    say(f"{tmp_path}/a.png")
    said = capfd.readouterr()
    assert (said.err, said.out) == ("warning: a.png\n", f"{tmp_path}/a.png\n")


def test_a_sentence_in_a_narrow_console_keeps_its_words_whole() -> None:
    out = io.StringIO()
    console = PrintableConsole(file=out, force_terminal=True, width=60, color_system=None, legacy_windows=False)
    path = "/a/path/that/is/longer/than/the/sixty/columns/of/this/terminal/is.png"
    sentence(console, f"warning: something is left out of the training set, namely {path} (truncated)")
    assert out.getvalue().splitlines() == [
        "warning: something is left out of the training set, namely",
        f"  {path}",
        "  (truncated)",
    ]


class Terminal(io.StringIO):
    """A terminal in a test."""

    def isatty(self) -> bool:
        return True


def test_results_stand_above_a_line_that_moves_and_in_a_pipe_where_that_is_one(monkeypatch: pytest.MonkeyPatch) -> None:
    for piped in (False, True):
        err = Terminal()
        out = io.StringIO() if piped else Terminal()
        monkeypatch.setenv("COLUMNS", "80")
        monkeypatch.setattr(sys, "stdout", out)
        monkeypatch.setattr(sys, "stderr", err)
        console = Console(file=err, force_terminal=True, width=80, color_system=None, legacy_windows=False)
        with moving(Progress(console=console, transient=True, auto_refresh=False)) as bar:
            bar.add_task("upscaling", total=2)
            bar.refresh()
            say("a.png -> upscaled/a.png")
            say("error: b.png: truncated", err=True)
        lines = [re.sub(r"\x1b\[[\d;?]*[A-Za-z]", "", one).strip() for one in re.split(r"[\r\n]", err.getvalue())]
        assert "error: b.png: truncated" in lines
        assert ("a.png -> upscaled/a.png" in lines) is not piped
        assert out.getvalue() == ("a.png -> upscaled/a.png\n" if piped else "")


def test_widths_are_those_of_the_stream_that_is_printed_to(monkeypatch: pytest.MonkeyPatch) -> None:
    assert terminal_width(io.StringIO()) is None
    monkeypatch.setenv("COLUMNS", "60")
    assert terminal_width(Terminal()) == 60
    monkeypatch.delenv("COLUMNS")
    assert terminal_width(Terminal()) is None  # it has no number of columns


TOLD = """
import sys
from srkit.cli.loading_torch import told_while_torch_loads
with told_while_torch_loads():
    import torch
assert torch.__spec__.loader is torch.__loader__ and "importlib" in type(torch.__loader__).__module__
"""


@pytest.mark.skipif(sys.platform == "win32", reason="Windows has no pseudo-terminals")
def test_an_import_of_torch_is_told_in_a_terminal_and_nowhere_else() -> None:
    ours, theirs = os.openpty()
    done = subprocess.run(
        [sys.executable, "-c", TOLD],
        stderr=theirs,
        stdout=subprocess.PIPE,
        timeout=120,
        env=os.environ | {"COLUMNS": "80"},
    )
    os.close(theirs)
    assert done.returncode == 0
    assert os.read(ours, 1000).startswith(b"loading torch ...\r")
    os.close(ours)
    quiet = subprocess.run([sys.executable, "-c", TOLD], capture_output=True, timeout=120)
    assert (quiet.returncode, quiet.stderr) == (0, b"")
