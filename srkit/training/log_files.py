"""metrics.jsonl and validation.jsonl: JSON lines with rising steps, held against what a checkpoint knows of them."""

from __future__ import annotations

import json
import math
import os
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from srkit.data.placing import place_bytes
from srkit.json_files import parsed
from srkit.links import open_no_follow

__all__ = ["MISSING", "Spans", "append", "keep_until", "to_disk", "with_step"]

MISSING = "missing"
"""The key of a line that stands for lines that were lost."""

Spans = list[list[int]]
"""Steps in rising order, as a list of [first, last, distance]."""

SHOWN = 3
"""How many steps, or stretches of them, a sentence names."""


def append(path: Path, record: Mapping[str, Any]) -> None:
    """Add one line; what is infinite, or not a number (a gradient that overflowed), is null."""
    with open_no_follow(path, "a", encoding="utf-8") as file:
        file.write(_line(record))


def to_disk(path: Path) -> None:
    """Wait until what was written is on disk; nothing where the file is not there."""
    try:
        with open_no_follow(path, "rb+") as file:
            os.fsync(file.fileno())
    except FileNotFoundError:
        return


def with_step(spans: Spans, step: int) -> Spans:
    """The steps with a later one.

    >>> with_step([[10, 30, 10]], 40), with_step([[10, 30, 10]], 44)
    ([[10, 40, 10]], [[10, 30, 10], [44, 44, 0]])
    """
    if not spans:
        return [[step, step, 0]]
    first, last, distance = spans[-1]
    if first == last or step == last + distance:
        return [*spans[:-1], [first, step, step - last]]
    return [*spans, [step, step, 0]]


def keep_until(path: Path, step: int, written: Spans) -> list[str]:
    """Bring a file to where a checkpoint left it: later lines go, and so does what is damaged or stands there twice.

    Where lines are lost, one with the key `missing` stands for them, whose numbers are null.

    Args:
        step: the checkpoint's.
        written: the steps whose lines were there, as far as it knows.

    Returns:
        A sentence for each thing that is not as it was written.

    Raises:
        OSError: it cannot be read or written.
        UserError: it is a link.
    """
    try:
        with open_no_follow(path, "rb") as file:
            before = file.read()
    except FileNotFoundError:
        before = b""
    lines = before.split(b"\n")
    cut = lines.pop()  # what was being written when a process ended, unless only the line's end is gone
    if cut.endswith(b"}"):
        lines.append(cut)
    kept, lost, damaged, twice = _whole(lines, step)
    missing = [one for one in _steps(written) if one <= step and one not in kept]
    marked = missing and set(missing) <= lost
    sentences = []
    if damaged:
        sentences.append(f"{path}: left out as damaged: {_counted('line', damaged)}")
    if twice:
        sentences.append(f"{path}: {_counted('step', twice)} stood there twice; the first line of each is kept")
    if missing and not marked:
        sentences.append(f"{path}: the lines of {_counted('step', missing)} are lost; the gap is marked")
    records = [*kept.items(), *_marks(missing, kept)]
    text = "".join(line for _, line in sorted(records, key=lambda one: one[0])).encode()
    if text != before:
        place_bytes(path, text)
    return sentences


def _whole(lines: Sequence[bytes], until: int) -> tuple[dict[int, str], set[int], list[int], list[int]]:
    """By step the lines until one; the steps that were marked as lost; numbers of damaged lines; steps found twice."""
    kept: dict[int, str] = {}
    lost: set[int] = set()
    damaged: list[int] = []
    twice: list[int] = []
    for number, line in enumerate(lines, start=1):
        try:
            record = parsed(line)
        except ValueError:
            record = None
        step = record.get("step") if isinstance(record, dict) else None
        if not isinstance(step, int) or isinstance(step, bool):
            damaged.append(number)
        elif MISSING in record:
            lost |= _marked(record[MISSING])
        elif step in kept:
            twice.append(step)
        elif step <= until:
            kept[step] = line.decode("utf-8") + "\n"
    return kept, lost, damaged, sorted(set(twice))


def _marked(spans: Any) -> set[int]:
    """The steps that a line of lost ones names; none where it is not as it was written."""
    try:
        return set(_steps(spans))
    except (TypeError, ValueError):
        return set()


def _marks(missing: Sequence[int], kept: Mapping[int, str]) -> Iterator[tuple[int, str]]:
    """For each stretch of lost steps with no line in between, the line that stands for it, with its place."""
    stretches: list[Spans] = []
    before = None
    names = [name for name in (json.loads(next(iter(kept.values()))) if kept else {}) if name != "step"]
    for step in missing:
        apart = before is None or any(before < one < step for one in kept)
        stretches.append([] if apart else stretches.pop())
        stretches[-1] = with_step(stretches[-1], step)
        before = step
    for spans in stretches:
        yield spans[0][0], _line({"step": spans[0][0], MISSING: spans} | dict.fromkeys(names))


def _steps(spans: Spans) -> Iterator[int]:
    for first, last, distance in spans:
        yield from range(first, last + 1, distance or 1)


def _line(record: Mapping[str, Any]) -> str:
    finite = {
        key: None if isinstance(value, float) and not math.isfinite(value) else value for key, value in record.items()
    }
    return json.dumps(finite) + "\n"


def _counted(what: str, numbers: Sequence[int]) -> str:
    """In words, the first ones by number.

    >>> _counted("step", [20]), _counted("line", [1, 2, 3, 4, 5])
    ('step 20', '5 lines (1, 2, 3, ...)')
    """
    if len(numbers) == 1:
        return f"{what} {numbers[0]}"
    return f"{len(numbers)} {what}s ({', '.join(map(str, numbers[:SHOWN]))}{', ...' if len(numbers) > SHOWN else ''})"
