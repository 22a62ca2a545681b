"""The consoles: whatever is printed on them, only srkit's own colours and lines reach the terminal."""

from __future__ import annotations

import io
import re

import pytest
from rich.progress import Progress, TextColumn
from rich.table import Table
from rich.text import Text

from srkit.cli.console import PrintableConsole
from srkit.errors import UserError
from srkit.printable import printable_lines

HOSTILE = "\x1b[2J\x1b]8;;http://evil\x07a\x9b1m\u202e\u200b\udcff"


def shown(*objects: object, width: int = 80, **how: object) -> str:
    file = io.StringIO()
    PrintableConsole(file=file, width=width, force_terminal=True, color_system="truecolor").print(*objects, **how)  # type: ignore[arg-type]  # options of print
    return re.sub(r"\x1b\[[\d;]*m", "", file.getvalue())


def table(cell: object) -> Table:
    made = Table(HOSTILE, title=HOSTILE, caption=HOSTILE)
    made.add_row(cell)  # type: ignore[arg-type]  # a string or a Text
    return made


@pytest.mark.parametrize(
    "printed", [HOSTILE, Text(HOSTILE), table(HOSTILE), table(Text(HOSTILE)), [HOSTILE], {HOSTILE: 1}]
)
def test_nothing_of_a_name_reaches_the_terminal(printed: object) -> None:
    text = shown(printed)
    assert printable_lines(text) == text and "\\x1b" in text


def test_a_string_is_one_line_and_several_are_several() -> None:
    assert shown("a\nb") == "a\\nb\n"
    assert shown("a\nb", "c", sep="\n") == "a\\nb\nc\n"
    assert shown(Text("a\nb")) == "a\nb\n"


def test_cells_have_the_room_that_they_need() -> None:
    lines = shown(table("\x1b\x1b"), width=60).splitlines()
    assert len({len(line.rstrip()) for line in lines if line[:1] in "┏┡│└"}) == 1
    assert any("\\x1b\\x1b" in line for line in lines)


def test_progress_is_words_too() -> None:
    file = io.StringIO()
    console = PrintableConsole(file=file, width=80, force_terminal=True, color_system=None)
    with Progress(TextColumn("{task.description}", markup=False), console=console) as bar:
        bar.add_task(HOSTILE, total=1)
    text = re.sub(r"\x1b\[[\d;?]*[hlKAm]", "", file.getvalue()).replace("\r", "")
    assert printable_lines(text) == text and "\\x1b[2J" in text


def test_an_error_has_lines_and_is_one_inside_of_another() -> None:
    error = UserError("two files:", "  a\nb", "remove them")
    assert error.lines == ("two files:", "  a\nb", "remove them")
    assert str(error) == "two files:\n  a\\nb\nremove them"
    assert f"x: {error}" == "x: two files: a\\nb remove them"
    assert error._render_traceback_() == ["UserError: two files:", "  a\\nb", "remove them"]
