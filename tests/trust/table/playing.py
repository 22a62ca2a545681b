"""Gives a row's input to every command that reads its kind, and tells what went against the contract."""

from __future__ import annotations

import builtins
import json
import time
from collections.abc import Callable, Iterator

from tests.cli.conftest import Said
from tests.trust.table.commands import COMMANDS, Command
from tests.trust.table.ground import Ground
from tests.trust.table.rows import Given, Row

__all__ = ["Runner", "complaints", "play", "spoken_badly"]

Runner = Callable[[Command, tuple[str, ...]], Said]
"""Executes a command with its words; whoever gives one says where: in this process or in one of its own."""

LINES, LETTERS = 16, 6000
"""How long a refusal may be."""


def play(row: Row, ground: Ground, runner: Runner, *, whole: bool = False) -> list[str]:
    """What went against the contract; empty where nothing did.

    Args:
        whole: whether commands are tried too that the suite leaves out.
    """
    given = row.make(ground)
    found: list[str] = []
    for command in COMMANDS[row.kind]:
        left_out = row.in_suite and not whole and command.name not in row.in_suite
        if left_out or (given.settings and not command.takes_settings):
            continue
        before, began = ground.tree(), time.monotonic()
        builtins.hostile_code_ran = False  # type: ignore[attr-defined]
        said = runner(command, command.filled(given, str(ground.out)))
        seconds = time.monotonic() - began
        complained = [*complaints(row, command, given, said), *_harm(ground, before, _own_folder(command, given))]
        if seconds > row.seconds:
            complained.append(f"it took {seconds:.0f} s")
        found += [f"{command.name}: {one}\n    {said.code}: {(said.out + said.err)[:400]!r}" for one in complained]
        ground.empty_out()
    return found


def complaints(row: Row, command: Command, given: Given, said: Said) -> Iterator[str]:
    """What is wrong with how a command ended."""
    codes = allowed(row, command)
    if said.code not in codes:
        yield f"ended with {said.code}, not {' or '.join(map(str, codes))}"
    yield from spoken_badly(said)
    if said.code != 2:
        return
    spoken = said.out + said.err
    if row.says and not any(one in spoken for one in row.says.split("|")):
        yield f"the refusal says nothing of {row.says!r}"
    if "no command" in spoken or "No such option" in spoken:
        yield "there is no such command"
    if "--json" in command.words and said.out:
        if not json.loads(said.out):
            yield "no problem is listed"
    elif len(spoken.splitlines()) > LINES or len(spoken) > LETTERS:
        yield "it is not one short message"
    elif not spoken.strip():
        yield "it says nothing"


def allowed(row: Row, command: Command) -> tuple[int, ...]:
    """What a command may end with when it is given a row's input."""
    for name in (command.name, command.name.split(" ")[0], "*"):
        if name in row.codes:
            return row.codes[name]
    return command.codes


def spoken_badly(said: Said) -> Iterator[str]:
    """What no command may print, whatever it was given."""
    spoken = said.out + said.err
    for trace in ("Traceback (most recent", "This is a bug"):
        if trace in spoken:
            yield f"{trace!r} is printed"
    if strange := sorted({one for one in spoken if not one.isprintable() and one != "\n"}):
        yield f"unprintable: {strange}"


def _own_folder(command: Command, given: Given) -> str:
    """Where a command may write beside its results: in the run that it resumes."""
    return f"here/{given.input}/" if "--resume" in command.words else "\0"


def _harm(ground: Ground, before: dict[str, tuple[object, ...]], but: str) -> Iterator[str]:
    """Code that ran and files that changed."""
    if marks := ground.marks():
        yield f"code of theirs ran: {', '.join(marks)}"
    elif getattr(builtins, "hostile_code_ran", False):
        yield "code of theirs ran"
    after = ground.tree()
    changed = sorted(name for name in before.keys() | after.keys() if before.get(name) != after.get(name))
    changed = [name for name in changed if not name.startswith(but)]
    if changed:
        yield f"changed: {', '.join(changed[:6])}"
