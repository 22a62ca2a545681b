"""metrics.jsonl of a run that goes on: what is lost, damaged or doubled is said, what is whole is kept."""

from __future__ import annotations

import json
import random
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from srkit.training.log_files import MISSING, append, keep_until, with_step


def spans(steps: list[int]) -> list[list[int]]:
    found: list[list[int]] = []
    for one in steps:
        found = with_step(found, one)
    return found


@pytest.fixture
def file(tmp_path: Path) -> Path:
    """Lines of the steps 10 to 60."""
    path = tmp_path / "metrics.jsonl"
    for step in range(10, 70, 10):
        append(path, {"step": step, "loss": step / 100, "lr": 0.1})
    return path


WRITTEN = spans([10, 20, 30, 40, 50])
"""What a checkpoint of step 50 knows of it."""


def steps(path: Path) -> list[int]:
    return [record["step"] for record in map(json.loads, path.read_text().splitlines()) if MISSING not in record]


def marks(path: Path) -> list[dict[str, object]]:
    return [record for record in map(json.loads, path.read_text().splitlines()) if MISSING in record]


@given(st.sets(st.integers(1, 300), max_size=60))
def test_spans_hold_just_the_steps_that_were_put_in(steps: set[int]) -> None:
    found = spans(sorted(steps))
    assert {one for first, last, apart in found for one in range(first, last + 1, apart or 1)} == steps


def test_steps_at_one_distance_are_one_span() -> None:
    assert spans(list(range(50, 1_000_000, 50))) == [[50, 999_950, 50]]


def test_a_whole_file_loses_later_lines_alone_and_nothing_is_said(file: Path) -> None:
    before = file.read_text().splitlines()
    assert keep_until(file, 50, WRITTEN) == []
    assert file.read_text().splitlines() == before[:5]
    untouched = file.stat().st_mtime_ns
    assert keep_until(file, 50, WRITTEN) == [] and file.stat().st_mtime_ns == untouched


def test_a_line_that_was_being_written_goes_without_a_word(file: Path) -> None:
    with file.open("a") as opened:
        opened.write('{"step": 70, "lo')
    assert keep_until(file, 60, spans([10, 20, 30, 40, 50, 60])) == []
    assert steps(file) == [10, 20, 30, 40, 50, 60]


def test_a_whole_last_line_without_its_end_is_kept(file: Path) -> None:
    file.write_text(file.read_text().rstrip("\n"))
    assert keep_until(file, 60, spans([10, 20, 30, 40, 50, 60])) == []
    assert steps(file) == [10, 20, 30, 40, 50, 60] and file.read_text().endswith("\n")


def test_a_file_that_was_cut_has_its_gap_said_once_and_marked(file: Path) -> None:
    file.write_text("".join(file.read_text().splitlines(keepends=True)[:2]))
    (said,) = keep_until(file, 50, WRITTEN)
    assert "the lines of 3 steps (30, 40, 50) are lost; the gap is marked" in said
    assert steps(file) == [10, 20]
    assert marks(file) == [{"step": 30, "missing": [[30, 50, 10]], "loss": None, "lr": None}]
    assert keep_until(file, 50, WRITTEN) == []
    assert len(marks(file)) == 1


@pytest.mark.parametrize("gone", ["emptied", "removed"])
def test_a_file_that_is_empty_or_gone_is_one_gap(gone: str, file: Path) -> None:
    if gone == "emptied":
        file.write_text("")
    else:
        file.unlink()
    (said,) = keep_until(file, 50, WRITTEN)
    assert "5 steps (10, 20, 30, ...) are lost" in said
    assert marks(file) == [{"step": 10, "missing": [[10, 50, 10]]}]


def test_gaps_with_lines_in_between_are_marked_each(file: Path) -> None:
    lines = file.read_text().splitlines(keepends=True)
    file.write_text("".join([lines[0], lines[2], lines[4]]))
    (said,) = keep_until(file, 50, WRITTEN)
    assert "2 steps (20, 40)" in said
    assert [one["step"] for one in marks(file)] == [20, 40]


def test_a_mark_goes_where_a_run_goes_back_behind_it(file: Path) -> None:
    file.write_text("".join(file.read_text().splitlines(keepends=True)[:3]))
    keep_until(file, 50, WRITTEN)
    assert keep_until(file, 30, spans([10, 20, 30])) == []
    assert (steps(file), marks(file)) == ([10, 20, 30], [])


@pytest.mark.parametrize("order", ["one after the other", "each at once", "shuffled"])
def test_a_doubled_file_keeps_the_first_line_of_each_step(order: str, file: Path) -> None:
    lines = file.read_text().splitlines(keepends=True)
    second = [line.replace('"lr": 0.1', '"lr": 9.9') for line in lines]
    if order == "each at once":
        file.write_text("".join(a + b for a, b in zip(lines, second, strict=True)))
    else:
        file.write_text("".join([*lines, *second]))
    if order == "shuffled":
        mixed = [*lines]
        random.Random(1).shuffle(mixed)
        file.write_text("".join([*mixed, *second]))
    (said,) = keep_until(file, 50, WRITTEN)
    assert "5 steps (10, 20, 30, ...) stood there twice" in said
    assert file.read_text() == "".join(lines[:5])


@pytest.mark.parametrize(
    "line",
    [b"null", b"[1]", b"{", b'{"step": "3"}', b'{"step": true}', b'{"step": 1e400}', b"\xff\xfe", b"[" * 10_000, b""],
)
def test_a_damaged_line_is_named_and_left_out(line: bytes, file: Path) -> None:
    lines = file.read_bytes().splitlines()
    file.write_bytes(b"\n".join([*lines[:3], line, *lines[3:]]) + b"\n")
    (said,) = keep_until(file, 50, WRITTEN)
    assert said.endswith("left out as damaged: line 4")
    assert steps(file) == [10, 20, 30, 40, 50]


def test_of_a_checkpoint_that_knows_nothing_no_line_is_missed(file: Path) -> None:
    file.write_text("")
    assert keep_until(file, 50, []) == []
