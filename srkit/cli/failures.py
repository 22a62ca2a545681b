"""From an exception to what a user reads and the exit code: one message, a traceback only when it is asked for."""

from __future__ import annotations

import errno
import os
import select
import sys
import threading
import traceback
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TextIO

import click

from srkit.cli.saying import say, say_document
from srkit.errors import ExperimentError, SaidElsewhere, SrkitError, UserError, in_short, text_of
from srkit.own_warnings import DEBUG, debugging

DONE, FAILED, WRONG_INPUT, INTERRUPTED = 0, 1, 2, 130
EXIT_CODES = {
    DONE: "done",
    FAILED: "anything else",
    WRONG_INPUT: "the input is wrong; one message, no traceback",
    INTERRUPTED: "interrupted, state saved",
}


def report(error: BaseException) -> int:
    """Say on standard error what went wrong; gives the exit code."""
    if isinstance(error, (click.exceptions.Exit, SaidElsewhere)):
        return error.exit_code
    _trace(error)
    if isinstance(error, (click.Abort, KeyboardInterrupt)):
        _interrupted(error)
        return INTERRUPTED
    if isinstance(error, click.ClickException):
        return _usage(error)
    if isinstance(error, SrkitError):
        _known(error)
        return error.exit_code
    if isinstance(error, OSError) and (error.filename or error.errno == errno.ENOSPC):
        name = f"{os.fsdecode(error.filename)}: " if error.filename else ""
        _say(f"error: {name}{error.strerror or error}")
        # a name that was typed, or made of one
        return UserError.exit_code if error.errno == errno.ENAMETOOLONG else FAILED
    if isinstance(error, ModuleNotFoundError) and error.name and error.name.partition(".")[0] != "srkit":
        # no command to install it: the name may come out of anybody's file
        _say(f"error: the Python package {error.name.partition('.')[0]} is not installed{place(error)}")
        _say("Install it if you know it, or install what needs it again.")
        return FAILED
    _unexpected(error)
    return FAILED


@contextmanager
def threads_reported() -> Iterator[None]:
    """What a library's thread did not catch is said in one line: TensorBoard's writer ends so on a full disk."""

    def say(unhandled: threading.ExceptHookArgs) -> None:
        error = unhandled.exc_value
        if error is None or isinstance(error, SystemExit):
            return
        _trace(error)
        _say(f"warning: a thread ended, while the command goes on: {in_short(error)}{place(error)}")

    before, threading.excepthook = threading.excepthook, say
    try:
        yield
    finally:
        threading.excepthook = before


def reader_gone() -> bool:
    """Whether a broken pipe is that of our own output (`| head`); what is still buffered then goes nowhere."""
    gone = [stream for stream in (sys.stdout, sys.stderr) if _is_closed_pipe(stream)]
    for stream in gone:
        # else the interpreter tries again when it ends, and complains
        os.dup2(os.open(os.devnull, os.O_WRONLY), stream.fileno())
    return bool(gone)


def _is_closed_pipe(stream: TextIO) -> bool:
    if not hasattr(select, "poll"):
        return True  # Windows cannot be asked
    try:
        poll = select.poll()
        poll.register(stream.fileno(), 0)
        return any(events & (select.POLLERR | select.POLLHUP) for _, events in poll.poll(0))
    except (OSError, ValueError):
        return False  # not a file of the system, such as a test's


def _usage(error: click.ClickException) -> int:
    context = getattr(error, "ctx", None)
    if context is not None and context.command is not None:
        say_document(context.get_usage(), err=True)
    _say(f"error: {error.format_message()}")
    if context is not None and context.command is not None:
        _say(f"`{context.command_path} --help` explains it")
    return error.exit_code


def _interrupted(error: BaseException) -> None:
    """What an interrupt says of itself, where it does."""
    known = error.__cause__ if isinstance(error, click.Abort) else error
    _say((text_of(known) if known is not None else "") or "interrupted")
    for note in getattr(known, "__notes__", ()):
        _say(note)


def _known(error: SrkitError) -> None:
    if isinstance(error, ExperimentError):
        _say(*(f"error: {problem}" for problem in error.problems))
    else:
        first, *others = error.lines
        _say(f"error: {first}", *others)
    for note in getattr(error, "__notes__", ()):
        _say(f"       {note}")


def _unexpected(error: BaseException) -> None:
    _say(f"error: {in_short(error)}{place(error)}")
    _say(f"This is a bug, in srkit or in a component. {DEBUG}=1 in the environment shows the whole traceback.")


def place(error: BaseException) -> str:
    """File and line that raised: the last of srkit's or a component's own, and torch's where there is no such."""
    frames = traceback.extract_tb(error.__traceback__)
    if not frames:
        return ""
    own = [one for one in frames if not _is_library(one.filename)] or frames
    return f" ({own[-1].filename}, line {own[-1].lineno})"


def _is_library(filename: str) -> bool:
    parts = Path(filename).parts
    return any(name in parts for name in ("torch", "torchvision", "click", "pluggy", "rich")) or filename[:1] == "<"


def _trace(error: BaseException) -> None:
    if debugging():
        say_document("".join(traceback.format_exception(error)), err=True)


def _say(*lines: str) -> None:
    say(*lines, err=True)
